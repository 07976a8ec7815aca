"""When something was: numbers as they are, dates in days; one unit in a column.

Of numbers nobody says what they count. Those that are as large as the seconds, milliseconds ...
since 1970 of our days are taken to be that, and two such units in one column are refused: to put
them in order would put them in a wrong one.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.findings import Fault

DAY: Final = 86_400_000_000
"""Microseconds of a day."""

NO_MOMENT: Final = Fault(
    "no-moment",
    "row has a time that cannot be read",
    "rows have a time that cannot be read",
    "give each a number, or a date such as 2021-05-31 or 2021-05-31T12:30:00",
)
_UNITS: Final = (
    ("small numbers", 0.0),
    ("seconds", 1e8),
    ("milliseconds", 1e11),
    ("microseconds", 1e14),
    ("nanoseconds", 1e17),
)
"""What numbers from so large on are, if they are times since 1970."""


def moments(texts: pl.Series) -> pl.Series:
    """float64[n]: numbers as they are, dates in days; null where a text is neither."""
    text = texts.cast(pl.String).str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    numbers = pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()
    if numbers.null_count() == 0:
        return numbers
    return pl.select(pl.coalesce(numbers, days(text))).to_series()


def days(text: pl.Series) -> pl.Series:
    """float64[n]: dates written YYYY-MM-DD, with or without a time of day, in days; else null."""
    whole = text.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00").str.replace(" ", "T")
    dates = whole.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False)
    return dates.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64) / DAY


class Units:
    """The units that the rows of a column have been of so far, each with its first row."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def see(self, times: pl.Series, texts: pl.Series, lines: pl.Series, name: str, where: str
            ) -> None:  # fmt: skip
        """Look at some rows; `DataError` where the column has two units."""
        number = (
            texts.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False).is_not_null()
        )
        for place, (unit, least) in enumerate(_UNITS):
            above = _UNITS[place + 1][1] if place + 1 < len(_UNITS) else float("inf")
            size = times.abs()
            self._note(unit, number & (size >= least) & (size < above), texts, lines)
        self._note("dates", ~number & times.is_not_null(), texts, lines)
        if len(self._seen) > 1:
            (one, first), (other, second), *_ = self._seen.items()
            raise DataError(
                f"column {name!r} has times in {one} and in {other}: {first}, {second}",
                where=where,
                fix="write all of them in one unit; or rename the column, and no time is read",
            )

    def _note(self, unit: str, which: pl.Series, texts: pl.Series, lines: pl.Series) -> None:
        rows = which.fill_null(False).arg_true()
        if len(rows) and unit not in self._seen:
            at = int(rows[0])
            self._seen[unit] = f"{texts[at]} in row {lines[at]}"

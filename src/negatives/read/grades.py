"""Grades of relevance: one rule of what is a whole number, whatever the format they come in.

`1`, `1.0`, `1e0` and `+1` are the whole number 1; 0.7 is none, and is never cut to one.
"""

from __future__ import annotations

import polars as pl

LIMIT = 2**31


def whole(values: pl.Series) -> pl.Series:
    """Numbers, or texts of numbers, as int32; null where one is no whole number."""
    if values.dtype == pl.String:
        values = values.str.strip_chars(" \t\r\n\v\f")
        direct = values.cast(pl.Int32, strict=False)
        if not direct.null_count():
            return direct
        values = pl.select(
            pl.when(values.str.contains(r"^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$")).then(values)
        ).to_series()
    numbers = values.cast(pl.Float64, strict=False)
    sound = (numbers == numbers.round()) & (numbers.abs() < LIMIT)
    return pl.select(pl.when(sound).then(numbers).cast(pl.Int32)).to_series().alias(values.name)


def whole_number(value: object) -> int | None:
    """The same of one value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    grade: int | None = whole(pl.Series([value])).item()
    return grade


def is_number(text: str) -> bool:
    """Whether a text is a number: a grade, right or wrong, and no name of a column."""
    try:
        float(text)
    except ValueError:
        return False
    return True

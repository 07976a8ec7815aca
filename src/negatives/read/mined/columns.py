"""What the columns of a file hold, whatever type of file it is: texts, numbers, lists, objects.

A column is described by most of its rows; a row that does not fit is told of when it is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import polars as pl

from negatives.read.grades import is_number

Holds = Literal["text", "whole", "fraction", "truth", "object", "nothing", "other"]

SAMPLE: Final = 200
"""Texts of a column that are looked at."""

MOST: Final = 1000
"""Names in objects that are looked at: with more they are values, and no names."""

_WHOLE: Final = re.compile(r"\s*[+-]?\d+\s*")
_WRITTEN_LIST: Final = re.compile(r"""\s*(\[\s*(["'].*["']\s*)?\]|\{\s*["'].*\})\s*""", re.DOTALL)
_TYPES: Final[dict[type, Holds]] = {
    str: "text",
    bool: "truth",
    int: "whole",
    float: "fraction",
    dict: "object",
}
_SAID: Final[dict[Holds, str]] = {
    "text": "texts",
    "whole": "whole numbers",
    "fraction": "numbers",
    "truth": "true and false",
    "object": "objects",
    "nothing": "nothing",
    "other": "values that are neither texts, numbers nor lists of them",
}


@dataclass(frozen=True)
class Column:
    """A column: its name, what its rows hold, and how many lists that is inside of (0, 1 or 2).

    `sample`: some of its texts. `fields`: what the fields of its objects hold.
    """

    name: str
    holds: Holds
    depth: int = 0
    sample: tuple[str, ...] = ()
    fields: Mapping[str, Column] = field(default_factory=dict)

    @property
    def is_worded(self) -> bool:
        """Whether most of its texts are of several words, or in a script that has no spaces.

        Names, numbers and ids are not.
        """
        worded = sum(" " in text.strip() or not text.isascii() for text in self.sample)
        return self.holds == "text" and 2 * worded >= len(self.sample) > 0

    @property
    def is_constant(self) -> bool:
        """Whether all of several rows hold the same text."""
        return len(self.sample) > 1 and len({*self.sample}) == 1

    @property
    def is_numbers(self) -> bool:
        """Whether it holds whole numbers only, as numbers or written as text."""
        if self.holds == "text":
            return bool(self.sample) and all(map(_WHOLE.fullmatch, self.sample))
        return self.holds == "whole"

    @property
    def is_fractions(self) -> bool:
        """Whether it holds numbers that are not whole, as numbers or written as text."""
        if self.holds == "text":
            return bool(self.sample) and not self.is_numbers and all(map(is_number, self.sample))
        return self.holds == "fraction"

    @property
    def is_written_list(self) -> bool:
        """Whether lists or objects are written out as texts, as a CSV file must."""
        told = [text for text in self.sample if text.strip()]
        return self.holds == "text" and bool(told) and all(map(_WRITTEN_LIST.fullmatch, told))

    def __str__(self) -> str:
        """What it holds, in words."""
        said = _SAID["whole" if self.is_numbers else self.holds]
        if self.fields:
            names = [*map(repr, self.fields)]
            said += f" with {', '.join(names[:5])}" + (" ..." if names[5:] else "")
        return ("", "lists of ", "lists of lists of ")[self.depth] + said


def of_dtype(name: str, dtype: Any) -> Column:
    """A column of a table, by its type."""
    depth = 0
    while isinstance(dtype, pl.List | pl.Array) and depth < 2:
        dtype, depth = dtype.inner, depth + 1
    if isinstance(dtype, pl.Struct):
        fields = {each.name: of_dtype(each.name, each.dtype) for each in dtype.fields}
        return Column(name, "object", depth, fields=fields)
    return Column(name, _holds(dtype), depth)


def _holds(dtype: Any) -> Holds:
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if dtype == pl.Boolean:
        return "truth"
    if dtype == pl.Null:
        return "nothing"
    if dtype.is_integer():
        return "whole"
    return "fraction" if dtype.is_numeric() else "other"


def of_series(series: pl.Series) -> Column:
    """A column of a table, with a sample of its texts."""
    column = of_dtype(series.name, series.dtype)
    values = series.drop_nulls()
    for _ in range(column.depth):
        values = values.filter(values.list.len() > 0).explode().drop_nulls()
    values = values.head(SAMPLE)
    if column.holds == "object" and isinstance(values.dtype, pl.Struct):
        fields = {name: of_series(values.struct.field(name)) for name in column.fields}
        return Column(column.name, "object", column.depth, fields=fields)
    sample = tuple(values.cast(pl.String)) if column.holds == "text" else ()
    return Column(column.name, column.holds, column.depth, sample)


class Looking:
    """The columns of JSON objects, by what all of them hold."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Look at some more records."""
        if len(self._seen) > MOST:
            return
        rows = list(records)
        shapes = Counter((tuple(row), tuple(map(type, row.values()))) for row in rows)
        nested = set()
        for (names, types), count in shapes.items():
            for name, kind in zip(names, types, strict=True):
                seen = self._seen.setdefault(name, _Seen())
                if kind in (list, dict):
                    nested.add(name)
                elif kind in _TYPES:
                    seen.counts[_TYPES[kind], 0] += count
        for name in nested:
            self._seen[name].look(
                value for row in rows if isinstance(value := row.get(name), list | dict)
            )
        for row in rows[:SAMPLE]:
            for name, value in row.items():
                self._seen[name].take(value)

    def columns(self) -> dict[str, Column]:
        """What there is, in the order in which the names appeared."""
        return {name: seen.column(name) for name, seen in self._seen.items()}


class _Seen:
    """What was seen of one column: how many rows held what, and the fields of its objects."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Holds, int]] = Counter()
        self._fields: Looking | None = None
        self._sample: list[str] = []

    def look(self, values: Iterable[Any]) -> None:
        """Lists and objects: what they are of, told by their first item that is something."""
        objects = []
        for value in values:
            depth = 0
            while isinstance(value, list):
                depth += 1
                value = next((each for each in value if each is not None), None)
            holds: Holds = _TYPES.get(type(value), "nothing")
            if holds == "object":
                objects.append(value)
            self.counts[holds if depth <= 2 else "other", min(depth, 2)] += 1
        if objects:
            self._fields = self._fields or Looking()
            self._fields.add(objects)

    def take(self, value: Any) -> None:
        """Keep a text, or the first of a list, for the sample."""
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and len(self._sample) < SAMPLE:
            self._sample.append(value)

    def column(self, name: str) -> Column:
        """What most rows hold; its depth is the deepest, for one may stand for a list of one."""
        told: Counter[Holds] = Counter()
        for (holds, _), count in self.counts.items():
            told[holds] += count
        depth = max((depth for _, depth in self.counts), default=0)
        del told["nothing"]
        if told["fraction"]:
            told["fraction"] += told.pop("whole", 0)
        if not told:
            return Column(name, "nothing", depth)
        holds = told.most_common(1)[0][0]
        fields = self._fields.columns() if self._fields is not None and holds == "object" else {}
        return Column(name, holds, depth, tuple(self._sample), fields)

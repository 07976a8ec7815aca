"""JSON lines, and a JSON array of objects, as flat documents; each value of the type expected.

Two passes: the first looks at all objects, for a column may first appear in the last line; the
second decodes a block at a time in C. Only a block with an offender is gone through line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks
from negatives.read.findings import WRONG_TYPE, Fault, Findings, shown
from negatives.read.jsonl import UNDECODED, JsonObjects, strings
from negatives.read.mined.columns import Column, Looking
from negatives.read.mined.flat import FlatRows, Lengths
from negatives.read.mined.layout import Layout
from negatives.read.mined.parts import Part

_PATH: Final = re.compile(r"at `\$\.([^`]*)`")
_ID: Any = str | int
_NUMBER: Any = bool | int | float

_MESSAGE: Any = msgspec.defstruct(
    "Message", [("role", str | None, None), ("content", str | None, None)], gc=False
)


def json_blocks(path: Path) -> Iterator[bytes]:
    """Blocks of lines, one object a line, whether the file has lines or is one array."""
    first = next(blocks(path, 1 << 16), b"")
    if not first.lstrip().startswith(b"["):
        yield from blocks(path)
        return
    _refuse_lines_of_arrays(first, path)
    whole = b"".join(blocks(path))
    try:
        items = msgspec.json.decode(whole, type=list[msgspec.Raw])
    except UNDECODED as error:
        raise DataError(
            f"a JSON array that cannot be read: {error}",
            where=str(path),
            fix="write one object a line (for example: jq -c '.[]')",
        ) from None
    for start in range(0, len(items), 10_000):
        # A line end inside of an object is white space: in texts it is written \n.
        rows = [bytes(item).replace(b"\n", b" ") for item in items[start : start + 10_000]]
        yield b"\n".join(rows) + b"\n"


def is_array(path: Path) -> bool:
    """Whether a file is one JSON array."""
    return next(blocks(path, 1 << 16), b"").lstrip().startswith(b"[")


def _refuse_lines_of_arrays(first: bytes, path: Path) -> None:
    line = first.lstrip().split(b"\n", 1)[0]
    try:
        value = msgspec.json.decode(line)
    except UNDECODED:
        return
    if isinstance(value, list) and not any(isinstance(each, dict) for each in value) and value:
        raise DataError(
            f"lines are JSON arrays without names, such as {shown(line.decode(errors='replace'))}",
            where=f"{path}, line 1",
            fix='write objects: {"query": ..., "positive": ..., "negative": ...}',
        )


def json_columns(path: Path) -> dict[str, Column]:
    """The columns of all objects of a file."""
    looking, decoder = Looking(), msgspec.json.Decoder()
    for block in json_blocks(path):
        try:
            values = decoder.decode_lines(block)
        except UNDECODED:
            values = []
            for line in block.split(b"\n"):
                try:
                    values.append(decoder.decode(line))
                except UNDECODED:
                    continue
        looking.add(value for value in values if isinstance(value, dict))
    return looking.columns()


@dataclass(frozen=True)
class JsonRows(FlatRows):
    """Some objects, with attributes c0, c1 ... by column."""

    objects: list[Any]
    names: Mapping[str, str]

    def said(self, column: str, at: int) -> Any:
        """What a row holds in a column."""
        return getattr(self.objects[at], self.names[column])

    def numbers(self, column: str, *, listed: bool) -> tuple[Lengths, pl.Series]:
        """A column of numbers, one a row or lists of them; null where there is none."""
        values = self._values(column)
        lengths, flat = self._opened(values) if listed else _each(values)
        return lengths, self._floats(flat)

    def _values(self, column: str) -> list[Any]:
        return list(map(attrgetter(self.names[column]), self.objects))

    def _strings(self, values: list[Any]) -> pl.Series:
        return strings(values)[0]

    def _floats(self, values: list[Any]) -> pl.Series:
        return pl.Series([_number(value) for value in values], dtype=pl.Float64)

    def _lists(self, values: list[Any], part: Part, form: str) -> tuple[Lengths, list[Any]]:
        listed = part.depth > 1 if form == "messages" else part.listed
        return self._opened(values) if listed else _each(values)

    def _opened(self, lists: list[Any]) -> tuple[Lengths, list[Any]]:
        made = [v if isinstance(v, list) else [] if v is None else [v] for v in lists]
        return np.fromiter(map(len, made), np.int64, len(made)), list(chain.from_iterable(made))

    def _system(self, values: list[Any], name: str) -> list[Any]:
        return [(value and value.get(name)) or [] for value in values]

    def _field(self, objects: list[Any], key: str, part: Part) -> list[Any]:
        take = attrgetter(key)
        return [each and take(each) for each in objects]

    def _turns(self, conversations: list[Any]) -> tuple[pl.Series, pl.Series]:
        said = [[message for message in each or () if message] for each in conversations]
        turns = [sum(message.role == "assistant" for message in each) for each in said]
        texts = self._strings([each[-1].content if each else None for each in said])
        return pl.Series(turns, dtype=pl.Int64), texts


def _each(values: list[Any]) -> tuple[Lengths, list[Any]]:
    return np.ones(len(values), np.int64), values


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = {"true": 1, "false": 0}.get(value.strip().lower(), value)
        try:
            return float(value)
        except ValueError:
            return None
    return None if value is None else float(value)


# ---- decoding ------------------------------------------------------------------------------------


class JsonReader:
    """The objects of a file, decoded for a layout; offenders are reported."""

    def __init__(self, path: Path, layout: Layout, findings: Findings) -> None:
        self._path = path
        self._file = findings.file(path, "row" if is_array(path) else "line")
        types = _types(layout)
        self._expected = {column: said for column, (_, said) in types.items()}
        self._names = {column: f"c{at}" for at, column in enumerate(types)}
        row = msgspec.defstruct(
            "Row",
            [
                (self._names[column], kind | None, msgspec.field(name=column, default=None))
                for column, (kind, _) in types.items()
            ],
            gc=False,
        )
        blocks = json_blocks(path)
        self._objects = JsonObjects(blocks, self._file, row, types, self._why, findings)

    def __iter__(self) -> Iterator[JsonRows]:
        for objects, rows, lines in self._objects:
            yield JsonRows(rows + 1, lines, self._file, str(self._path), objects, self._names)

    def _why(self, value: dict[str, Any], line: str, said: str) -> tuple[Fault, str] | None:
        """The column that the decoder names, and what it must be."""
        path = _PATH.search(said)
        column = path[1] if path else ""
        while column and column not in self._expected:
            column = re.sub(r"[.\[][^.\[]*$", "", column) if re.search(r"[.\[]", column) else ""
        if not column:
            return None
        found = shown(json.dumps(value.get(column), ensure_ascii=False))[1:-1]
        return WRONG_TYPE, f"{column!r} must be {self._expected[column]}, and is {found}"


def _types(layout: Layout) -> dict[str, tuple[Any, str]]:
    """Column -> what msgspec shall take, and how to say it."""
    made: dict[str, tuple[Any, str]] = {}
    if layout.query_form == "messages":
        made[layout.query] = (_list(_MESSAGE), "a list of messages")
    elif layout.query:
        made[layout.query] = (str, "text")
    if layout.query_id:
        made[layout.query_id] = (_ID, "text or a whole number")
    for part in (*layout.positives, *layout.negatives):
        made[part.column] = _type_of(part)
        if part.scores:
            made[part.scores] = (_NUMBER | _list(_NUMBER), "a list of numbers")
    if layout.label and layout.shape == "list":
        made[layout.label] = (_list(_NUMBER), "a list of numbers")
    elif layout.label:
        made[layout.label] = (_NUMBER | str, "a number")
    if layout.scores:
        made[layout.scores] = (_NUMBER | _list(_NUMBER), "a list of numbers")
    if layout.time:
        made[layout.time] = (int | float | str, "a number or a date")
    return made


def _type_of(part: Part) -> tuple[Any, str]:
    if part.form == "plain":
        if part.kind == "id":
            return _ID | _list(_ID), "text, a whole number, or a list of them"
        return str | _list(str), "text or a list of texts"
    if part.form == "messages":
        if part.depth > 1:
            return _list(_list(_MESSAGE)), "a list of lists of messages"
        return _list(_MESSAGE), "a list of messages"
    if part.form == "systems" and part.inner == "plain":
        if part.kind == "id":
            return _by_system(_ID), "an object of lists of ids"
        return _by_system(str), "an object of lists of texts"
    made = _object(part, listed=part.form == "table")
    if part.form == "systems":
        return _by_system(made), "an object of lists of objects"
    if part.form == "table":
        return made, "an object of lists"
    return made | _list(made), "an object or a list of objects"


def _object(part: Part, *, listed: bool) -> Any:
    kinds: dict[str, Any] = {"text": str, "title": str, "id": _ID, "score": _NUMBER}
    fields = []
    for key, kind in kinds.items():
        if name := getattr(part, key):
            value = _list(kind) if listed else kind
            fields.append((key, value | None, msgspec.field(name=name, default=None)))
    return msgspec.defstruct("Passage", fields, gc=False)


def _list(kind: Any) -> Any:
    """A list of values, some of them null."""
    return list[kind | None]


def _by_system(kind: Any) -> Any:
    """An object of lists."""
    return dict[str, list[kind | None] | None]

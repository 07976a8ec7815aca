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
from negatives.read.mined.flat import Flat, Lengths, systems
from negatives.read.mined.layout import Layout
from negatives.read.mined.parts import Part
from negatives.read.mined.tables import refuse_turns, with_titles

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
            mend="write one object a line (for example: jq -c '.[]')",
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
            mend='write objects: {"query": ..., "positive": ..., "negative": ...}',
        )


def json_columns(path: Path) -> dict[str, Column]:
    """The columns of all objects of a file."""
    looking, decoder = Looking(), msgspec.json.Decoder()
    rows = 0
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
        rows += len(values)
        looking.add(value for value in values if isinstance(value, dict))
    return looking.columns()


@dataclass(frozen=True)
class JsonRows:
    """Some objects: `row` (from 1), `line`, number of the file; attributes c0, c1 ... by column."""

    objects: list[Any]
    names: Mapping[str, str]
    row: pl.Series
    line: pl.Series
    file: int
    where: str

    def _values(self, column: str) -> list[Any]:
        return list(map(attrgetter(self.names[column]), self.objects))

    def strings(self, column: str) -> pl.Series:
        """A column of texts or ids, one a row."""
        return _strings(self._values(column))

    def numbers(self, column: str, *, listed: bool) -> tuple[Lengths, pl.Series]:
        """A column of numbers, one a row or lists of them; null where there is none."""
        lengths, flat = _opened(self._values(column), listed=listed)
        return lengths, pl.Series([_number(value) for value in flat], dtype=pl.Float64)

    def said(self, column: str, at: int) -> Any:
        """What a row holds in a column."""
        return getattr(self.objects[at], self.names[column])

    def conversation(self, column: str) -> pl.Series:
        """The one text of a conversation a row."""
        return self._last(self._values(column))

    def documents(self, part: Part) -> Flat:
        """The documents of a column."""
        values = self._values(part.column)
        if part.form == "systems":
            return systems(
                part.systems,
                lambda name: _listed([(v and v.get(name)) or [] for v in values], part, part.inner),
                len(values),
            )
        if part.form == "table":
            return self._table(values, part)
        if part.form == "messages":
            if part.depth < 2:
                return Flat(np.ones(len(values), np.int64), text=self._last(values))
            lengths, flat = _opened(values, listed=True)
            return Flat(lengths, text=self._last(flat))
        return _listed(values, part, part.form)

    def _table(self, values: list[Any], part: Part) -> Flat:
        made: dict[str, Any] = {}
        for key in ("id", "text", "score"):
            if getattr(part, key):
                lists = [value and getattr(value, key) for value in values]
                made[key] = _opened(lists, listed=True)
        (_, (first, _)), *others = made.items()
        for _, (lengths, _) in others:
            uneven = np.flatnonzero(lengths != first)
            if len(uneven):
                raise DataError(
                    f"row {self.row[int(uneven[0])]:,} has lists of different lengths in "
                    f"{part.column!r}",
                    where=self.where,
                    mend="give each document its id, its text and its score",
                )
        series = {
            key: pl.Series(flat, dtype=pl.Float64) if key == "score" else _strings(flat)
            for key, (_, flat) in made.items()
        }
        return Flat(first, **series)

    def _last(self, conversations: list[Any]) -> pl.Series:
        said = [[message for message in each or () if message] for each in conversations]
        turns = [sum(message.role == "assistant" for message in each) for each in said]
        refuse_turns(pl.Series(turns, dtype=pl.Int64), self.row, self.where)
        return _strings([each[-1].content if each else None for each in said])


def _listed(values: list[Any], part: Part, form: str) -> Flat:
    lengths, flat = _opened(values, listed=part.listed)
    if form == "plain":
        series = _strings(flat)
        return Flat(lengths, id=series) if part.kind == "id" else Flat(lengths, text=series)
    made: dict[str, Any] = {}
    if part.id:
        made["id"] = _strings([each and each.id for each in flat])
    if part.score:
        made["score"] = pl.Series([each and each.score for each in flat], dtype=pl.Float64)
    if part.text:
        text = _strings([each and each.text for each in flat])
        if part.title:
            text = with_titles(text, _strings([each and each.title for each in flat]))
        made["text"] = text
    return Flat(lengths, **made)


def _opened(values: list[Any], *, listed: bool) -> tuple[Lengths, list[Any]]:
    """Lengths of lists and all their values; one value stands for a list of one.

    A null is no list where values are `listed`, and else a value that is not there.
    """
    if not listed:
        return np.ones(len(values), np.int64), values
    lists = [v if isinstance(v, list) else [] if v is None else [v] for v in values]
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    return lengths, list(chain.from_iterable(lists))


def _strings(values: list[Any]) -> pl.Series:
    return strings(values)[0]


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
            yield JsonRows(objects, self._names, rows + 1, lines, self._file, str(self._path))

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

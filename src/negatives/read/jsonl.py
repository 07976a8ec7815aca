"""JSON lines to typed tables, a block of lines at a time.

A block is decoded in C in one call; only a block with an offender is gone through line by line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks, not_utf8
from negatives.read.findings import (
    MISSING,
    NOT_JSON,
    REPEATED_KEY,
    WRONG_TYPE,
    Fault,
    Findings,
    shown,
)
from negatives.read.repeated_keys import RepeatedKeys

Kind = Literal["id", "text", "number", "any", "field"]
"""What a column may hold; of any value, and of a field (see `fields`), its JSON is kept."""

DTYPES: Final[dict[Kind, Any]] = {
    "id": pl.String,
    "text": pl.String,
    "number": pl.Float64,
    "any": pl.String,
    "field": pl.String,
}
PLACE: Final[dict[str, Any]] = {"row": pl.UInt32, "file": pl.UInt32, "line": pl.UInt32}
"""Where a row comes from: 0-based place among the records, file number, 1-based line."""

NUMERIC_IDS: Final = (
    "{n} id is a number: it was read as text",
    "{n} ids are numbers: they were read as text",
)
UNDECODED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoder raises for a line that it cannot decode."""

_TYPES: Final[dict[Kind, Any]] = {
    "id": str | int,
    "text": str,
    "number": bool | int | float,
    "any": Any,
    "field": Any,
}
_EXPECTED: Final[dict[Kind, str]] = {
    "id": "text or a whole number",
    "text": "text",
    "number": "a number",
    "any": "anything",
    "field": "anything",
}
_NAMES: Final = {dict: "an object", list: "a list", str: "text", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Field:
    """A column to read: its name in the file, what it may hold, whether every row must have it."""

    name: str
    kind: Kind
    required: bool = True


class JsonObjects:
    """The objects of JSON lines, a block at a time; offenders are reported.

    `row` is the struct that a line is decoded to, `names` are the keys that it has, and
    `why(object, line, said)` says what is wrong with an object of which the decoder said so; None
    where any object is right.
    """

    def __init__(
        self,
        blocks: Iterable[bytes],
        file: int,
        row: type,
        names: Iterable[str],
        why: Callable[[dict[str, Any], str, str], tuple[Fault, str] | None] | None,
        findings: Findings,
    ) -> None:
        self._blocks, self._file, self._why, self._findings = blocks, file, why, findings
        self._repeated = RepeatedKeys(names)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)

    def __iter__(self) -> Iterator[tuple[list[Any], pl.Series, pl.Series]]:
        """Some objects, their 0-based numbers among all, bad ones counted, and 1-based lines."""
        row = line = offset = 0
        for block in self._blocks:
            height = block.count(b"\n") + (not block.endswith(b"\n"))
            try:
                objects = self._decoder.decode_lines(block)
            except UNDECODED:
                objects = []
            if len(objects) == height and not self._repeated.may_be_in(block, height):
                rows = pl.int_range(row, row + height, dtype=pl.UInt32, eager=True)
                lines = pl.int_range(line + 1, line + height + 1, dtype=pl.UInt32, eager=True)
                row += height
            else:
                objects, at, row = self._one_by_one(block, row, line, offset)
                rows = pl.Series([number for number, _ in at], dtype=pl.UInt32)
                lines = pl.Series([number for _, number in at], dtype=pl.UInt32)
            line, offset = line + height, offset + len(block)
            yield objects, rows, lines
            self._findings.enough()

    def _one_by_one(
        self, block: bytes, row: int, line: int, offset: int
    ) -> tuple[list[Any], list[tuple[int, int]], int]:
        """Decode each line; blank ones are no rows, bad ones are rows that are reported."""
        objects, kept = [], []
        for raw in block.split(b"\n"):
            line += 1
            if raw.strip():
                try:
                    decoded = self._decoder.decode(raw)
                except UNDECODED as error:
                    self._blame(raw, line, offset, str(error))
                else:
                    again = self._repeated.of(raw)
                    if again is None:
                        objects.append(decoded)
                        kept.append((row, line))
                    else:
                        text = raw.decode().rstrip("\r")
                        said = f"{again!r} comes twice"
                        self._findings.add(REPEATED_KEY, self._file, line, said, text)
                row += 1
            offset += len(raw) + 1
        return objects, kept, row

    def _blame(self, raw: bytes, line: int, offset: int, said: str) -> None:
        try:
            text = raw.decode().rstrip("\r")
        except UnicodeDecodeError as error:
            not_utf8(self._findings, self._file, line, raw, offset, error)
            return
        fault, reason = self._fault(text, said)
        self._findings.add(fault, self._file, line, reason, text)

    def _fault(self, line: str, said: str) -> tuple[Fault, str]:
        """What is wrong with a line that could not be decoded, and the reason in words."""
        try:
            value = json.loads(line, parse_constant=_no_number)
        except json.JSONDecodeError as error:
            return NOT_JSON, f"{error.msg} at character {error.colno}: {shown(line)}"
        except (RecursionError, ValueError) as error:
            return NOT_JSON, f"{error}: {shown(line)}"
        if not isinstance(value, dict):
            return NOT_JSON, f"expected an object, found {_named(value)}: {shown(line)}"
        odd = NOT_JSON, f"an unpaired surrogate or a value out of range: {shown(line)}"
        return (self._why and self._why(value, line, said)) or odd


class JsonLines:
    """One JSONL file, read for `fields` (column -> field)."""

    def __init__(
        self,
        path: Path,
        fields: Mapping[str, Field],
        findings: Findings,
        lines: Iterable[bytes] | None = None,
    ) -> None:
        """`lines`: blocks of the file's lines, where they are not those of `blocks`."""
        self._fields, self._findings = fields, findings
        self._file = findings.file(path)
        row = msgspec.defstruct(
            "Row", [_attribute(key, field) for key, field in _required_first(fields)], gc=False
        )
        names = (field.name for field in fields.values())
        read = blocks(path) if lines is None else lines
        self._objects = JsonObjects(read, self._file, row, names, self._why, findings)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for objects, rows, lines in self._objects:
            yield self._table(objects, rows, lines)

    def _why(self, value: dict[str, Any], line: str, said: str) -> tuple[Fault, str] | None:
        """The first field that is missing or of the wrong type."""
        for field in self._fields.values():
            found = value.get(field.name)
            if found is None:
                if field.required:
                    state = "is null" if field.name in value else "is missing"
                    return MISSING, f"{field.name!r} {state}: {shown(line)}"
            elif not _fits(found, field.kind):
                expected = _EXPECTED[field.kind]
                return WRONG_TYPE, f"{field.name!r} must be {expected}, and is {_named(found)}"
        return None

    def _table(self, rows: list[Any], rows_at: pl.Series, lines_at: pl.Series) -> pl.DataFrame:
        columns = {
            key: self._series(list(map(attrgetter(key), rows)), field.kind)
            for key, field in self._fields.items()
        }
        table = pl.DataFrame({**columns, "row": rows_at, "line": lines_at})
        table = table.with_columns(pl.lit(self._file, dtype=pl.UInt32).alias("file"))
        return without_empty_ids(table, self._fields, self._findings)

    def _series(self, values: list[Any], kind: Kind) -> pl.Series:
        if kind == "number":
            return pl.Series([None if value is None else float(value) for value in values])
        if kind in ("any", "field"):
            encode = msgspec.json.encode
            found = [None if value is None else encode(value).decode() for value in values]
            return pl.Series(found, dtype=pl.String)
        texts, numbers = strings(values)
        self._findings.note(*NUMERIC_IDS, numbers)
        return texts


def strings(values: list[Any]) -> tuple[pl.Series, int]:
    """Texts and ids as texts, and how many of them are numbers."""
    try:
        return pl.Series(values, dtype=pl.String), 0
    except TypeError:  # some id is a number
        texts = [None if value is None else str(value) for value in values]
        return pl.Series(texts, dtype=pl.String), sum(isinstance(value, int) for value in values)


def _required_first(fields: Mapping[str, Field]) -> list[tuple[str, Field]]:
    return sorted(fields.items(), key=lambda item: not item[1].required)


def _attribute(key: str, field: Field) -> Any:
    if field.required:
        return key, _TYPES[field.kind], msgspec.field(name=field.name)
    return key, _TYPES[field.kind] | None, msgspec.field(name=field.name, default=None)


def _fits(value: Any, kind: Kind) -> bool:
    if kind in ("any", "field"):
        return True
    if kind == "number":
        return isinstance(value, int | float)
    if kind == "id":
        return isinstance(value, str | int) and not isinstance(value, bool)
    return isinstance(value, str)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON: write null, or leave it out")


def _named(value: Any) -> str:
    if isinstance(value, list) and value:
        return f"the list {shown(json.dumps(value))[1:-1]}"
    return _NAMES.get(type(value)) or json.dumps(value)


def without_empty_ids(
    table: pl.DataFrame, fields: Mapping[str, Field], findings: Findings
) -> pl.DataFrame:
    """`table` without the rows whose id is an empty string: those are reported."""
    for key, field in fields.items():
        if field.kind != "id":
            continue
        empty = table[key] == ""
        if empty.any():
            for bad in table.filter(empty).iter_rows(named=True):
                raw = {name: bad[name] for name in fields}
                findings.add(MISSING, bad["file"], bad["line"], f"{field.name!r} is empty", raw)
            table = table.filter(~empty.fill_null(False))
    return table


def first_records(path: Path, lines: Iterator[bytes] | None = None) -> list[dict[str, Any]]:
    """The objects in the first lines of `path`: their keys tell which columns there are."""
    block = next(blocks(path, 1 << 16) if lines is None else lines, b"")
    if block.lstrip().startswith(b"["):
        raise DataError(
            "a JSON array, not JSON lines",
            where=str(path),
            fix="write one object a line (for example: jq -c '.[]')",
        )
    found = []
    for raw in block.split(b"\n"):
        with suppress(*UNDECODED):
            found.append(msgspec.json.decode(raw))
    return [value for value in found if isinstance(value, dict)]

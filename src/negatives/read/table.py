"""Small tables in files: read and written as CSV, TSV, JSONL or Parquet, by their ending.

People open CSV and TSV in spreadsheets, which run a cell that begins with =, +, - or @ as a
formula, whoever wrote the text. Such cells get an apostrophe before them, which is taken away
again when the file is read.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from negatives.errors import DataError
from negatives.read.delimited import chunks, records, separator
from negatives.read.files import blocks, ending, reading, telling
from negatives.read.findings import WRONG_TYPE, Fault, Findings
from negatives.read.frames import parquet_schema
from negatives.read.jsonl import JsonObjects
from negatives.read.mined.columns import Column
from negatives.read.mined.json_rows import json_columns
from negatives.read.packing import packing_of, plain_name
from negatives.store.atomic import writing

ENDINGS: Final = (".csv", ".tsv", ".jsonl", ".parquet")

_FORMULA: Final = "[=+\\-@\\t\\r\\n＝＋－＠]"
"""How a cell begins that a spreadsheet may run; some take the wide forms for the same."""


def check_table_path(path: Path) -> str:
    """The ending of a table to be written; `DataError` where it tells no format, or is packed."""
    if packing_of(path) is not None:
        raise DataError(
            "a table is not written packed",
            where=str(path),
            fix=f"name it {plain_name(path)}",
        )
    return _kind(path)


def _kind(path: Path) -> str:
    kind = ending(path)
    if kind not in ENDINGS:
        raise DataError(
            "the ending tells no format of a table",
            where=str(path),
            fix=f"name it so that it ends in one of {', '.join(ENDINGS)}",
        )
    return kind


def read_table(path: Path) -> pl.DataFrame:
    """The table in a file, plain or packed; every column of CSV and TSV is text.

    Raises `DataError` with the first five rows that are broken, or hold another kind of value in a
    column than the others do.
    """
    kind = _kind(path)
    if kind == ".parquet":
        parquet_schema(path)  # says so where it is none, or packed
        return pl.read_parquet(path, glob=False)
    with reading(path):
        return _of_lines(path) if kind == ".jsonl" else _of_rows(path)


def ids_of(table: pl.DataFrame, column: str, where: Path | str) -> pl.Series:
    """A column of ids as texts; `DataError` where it holds neither texts nor whole numbers."""
    values = table[column]
    kind = values.dtype
    if kind in (pl.String, pl.Categorical, pl.Enum, pl.Null) or kind.is_integer():
        return values.cast(pl.String)
    said = {pl.List: "lists", pl.Struct: "objects", pl.Boolean: "true and false"}
    found = "numbers with a fraction" if kind.is_float() else said.get(kind.base_type(), str(kind))
    raise DataError(
        f"column {column!r} holds {found}, and no ids",
        where=str(where),
        fix="write ids as texts or whole numbers",
    )


def _of_rows(path: Path) -> pl.DataFrame:
    """The table in a CSV or TSV file; a cell that is empty is null."""
    findings = Findings()
    rows = records(path, separator(path), findings)
    header = [name.strip() for name in next(rows, (0, [""]))[1]]
    if not any(header):
        raise DataError(
            "the table is empty",
            where=str(path),
            fix="give it a line with the names of its columns",
        )
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            f"column {twice!r} comes twice", where=str(path), fix="give every column its own name"
        )
    parts = [part for part, _, _ in chunks(path, header, rows, findings)]
    findings.done()
    table = pl.concat([pl.DataFrame(schema=dict.fromkeys(header, pl.String)), *parts])
    cell = pl.all()
    return _as_it_was(table.with_columns(pl.when(cell != "").then(cell)))


def _of_lines(path: Path) -> pl.DataFrame:
    """The table in a file of JSON lines, which are gone through for what is wrong before."""
    findings = Findings()
    kinds = {name: _kind_of(column) for name, column in json_columns(path).items()}
    names = {name: f"c{at}" for at, name in enumerate(kinds)}
    row = msgspec.defstruct(
        "Row",
        [
            (names[name], kind | None, msgspec.field(name=name, default=None))
            for name, kind in kinds.items()
        ],
        gc=False,
    )

    def why(value: dict[str, Any], line: str, said: str) -> tuple[Fault, str] | None:
        found = re.search(r"at `\$\.(.*)`", said)
        if found is None or found[1] not in value:
            return None
        name = found[1]
        return WRONG_TYPE, f"{name!r} is {json.dumps(value[name])[:60]}, unlike in other rows"

    lines = JsonObjects(blocks(path), findings.file(path), row, kinds, why, findings)
    height = sum(len(objects) for objects, _, _ in lines)
    findings.done()
    if not height:
        raise DataError("the table is empty", where=str(path), fix="give it a row, a line each")
    held = io.BytesIO(b"".join(blocks(path)))
    with telling("cannot be read", path, "write it again", (pl.exceptions.PolarsError,)):
        return pl.read_ndjson(held, infer_schema_length=None)


def _kind_of(column: Column) -> Any:
    """What the cells of a column may be, by what most of them are."""
    if column.depth:
        return list[Any]
    kinds = {"text": str | int, "whole": str | int, "fraction": int | float, "truth": bool}
    return kinds.get(column.holds, Any)  # texts and whole numbers mix in ids


def write_table(table: pl.DataFrame, path: Path, *, new: bool = False) -> None:
    """Write a table whole or not at all; `new`: where it replaces nothing."""
    kind = check_table_path(path)
    with writing(path, new=new) as temporary:
        if kind == ".jsonl":
            table.write_ndjson(temporary)
        elif kind == ".parquet":
            table.write_parquet(temporary)
        else:
            _harmless(table).write_csv(temporary, separator="\t" if kind == ".tsv" else ",")


def _harmless(table: pl.DataFrame) -> pl.DataFrame:
    """`table` with an apostrophe before every text that a spreadsheet may run.

    Also before those that have one already, so that `_as_it_was` gives every text back.
    """
    apostrophe = f"^('*{_FORMULA})"
    return table.with_columns(pl.col(pl.String).str.replace(apostrophe, "'$1"))


def _as_it_was(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.col(pl.String).str.replace(f"^'('*{_FORMULA})", "$1"))

"""Small tables in files: read and written as CSV, TSV, JSONL or Parquet, by their ending.

People open CSV and TSV in spreadsheets, which run a cell that begins with =, +, - or @ as a
formula, whoever wrote the text. Such cells get an apostrophe before them, which is taken away
again when the file is read.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks, ending, reading, telling
from negatives.read.frames import parquet_schema
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
    """The table in a file, plain or packed; every column of CSV and TSV is text."""
    kind = _kind(path)
    if kind == ".parquet":
        parquet_schema(path)  # says so where it is none, or packed
        return pl.read_parquet(path, glob=False)
    wrong = (pl.exceptions.PolarsError,)
    with reading(path), telling("cannot be read", path, "write or copy it again", wrong):
        held = io.BytesIO(b"".join(blocks(path)))
        if kind == ".jsonl":
            return pl.read_ndjson(held, infer_schema_length=None)
        separator = "\t" if kind == ".tsv" else ","
        return _as_it_was(pl.read_csv(held, separator=separator, infer_schema=False))


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table whole or not at all."""
    kind = check_table_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as temporary:
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

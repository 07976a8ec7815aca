"""Rows into a file of each type, frame by frame; what the rows are is not known here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import polars as pl
from polars.io.plugins import register_io_source

Frames = Iterator[pl.DataFrame]
WriteFile = Callable[[Path, pl.Schema, Frames], None]

_SLICE: Final = 1024
"""Rows turned into text at once: the text, unlike the rows, is a copy."""

_ROW_GROUP: Final = 8192


def write_parquet(path: Path, schema: pl.Schema, frames: Frames) -> None:
    """Parquet, in row groups of fixed size, so that the bytes do not depend on the frames."""

    def source(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Frames:
        return frames

    rows = register_io_source(source, schema=schema)
    rows.sink_parquet(path, compression="zstd", row_group_size=_ROW_GROUP, maintain_order=True)


def write_jsonl(path: Path, schema: pl.Schema, frames: Frames) -> None:
    """JSON lines: UTF-8, one object a line."""
    with path.open("wb") as file:
        for frame in frames:
            for rows in frame.iter_slices(_SLICE):
                rows.write_ndjson(file)


def write_json(path: Path, schema: pl.Schema, frames: Frames) -> None:
    """One JSON array, an object a line; UTF-8."""
    separator = b"[\n"
    with path.open("wb") as file:
        for frame in frames:
            for rows in frame.iter_slices(_SLICE):
                lines = rows.write_ndjson().encode().rstrip(b"\n").split(b"\n")
                file.write(separator + b",\n".join(lines))
                separator = b",\n"
        file.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def delimited(separator: str, *, quoting: Literal["non_numeric", "never"]) -> WriteFile:
    """Columns apart by `separator`: with a header and all texts in quotes, or neither (TREC)."""

    def write(path: Path, schema: pl.Schema, frames: Frames) -> None:
        with path.open("wb") as file:
            if quoting != "never":
                pl.DataFrame(schema=schema).write_csv(file, separator=separator)
            for frame in frames:
                for rows in frame.iter_slices(_SLICE):
                    rows.write_csv(
                        file, separator=separator, include_header=False, quote_style=quoting
                    )

    return write


WRITERS: Final[Mapping[str, WriteFile]] = {
    ".parquet": write_parquet,
    ".jsonl": write_jsonl,
    ".json": write_json,
    ".csv": delimited(",", quoting="non_numeric"),
    ".tsv": delimited("\t", quoting="non_numeric"),
    **dict.fromkeys((".trec", ".txt", ".run", ".qrels"), delimited(" ", quoting="never")),
}

FLAT: Final = (".csv", ".tsv")
"""Types that cannot hold a list in a column."""

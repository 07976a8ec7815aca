"""Rows of a CSV or TSV file, by the usual rules of quoting, each with the line it ends on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from negatives.read.files import Lines, ending
from negatives.read.findings import BAD_QUOTES, RAGGED, Findings
from negatives.read.jsonl import PLACE

CHUNK: Final = 100_000
"""Rows turned into a table at a time."""

LONGEST_FIELD: Final = 1 << 27
"""Characters of one field; Python's own limit, 131,072, is less than a long document."""


def separator(path: Path) -> str:
    """What separates the columns of a file, by its ending."""
    return "\t" if ending(path) == ".tsv" else ","


def records(path: Path, delimiter: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of every row that is not blank; malformed quoting is reported."""
    if csv.field_size_limit() < LONGEST_FIELD:
        csv.field_size_limit(LONGEST_FIELD)
    lines = Lines(path, findings)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    file = findings.file(path)
    while True:
        before = lines.number
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.add(BAD_QUOTES, file, before + 1, str(error), None)
            continue
        if row:
            yield lines.number, row


def chunks(
    path: Path, header: list[str], rows: Iterator[tuple[int, list[str]]], findings: Findings
) -> Iterator[pl.DataFrame]:
    """Tables of `rows`: the columns of `header` as strings, then row, file, line."""
    file = findings.file(path)
    width, done = len(header), 0
    while chunk := list(islice(rows, CHUNK)):
        kept = []
        for at, (line, row) in enumerate(chunk, done):
            if len(row) == width:
                kept.append((*row, at, line))
            else:
                reason = f"{len(row)} columns, where the first line has {width}"
                findings.add(RAGGED, file, line, reason, row)
        done += len(chunk)
        findings.enough()
        schema = dict.fromkeys(header, pl.String) | {"row": pl.UInt32, "line": pl.UInt32}
        table = pl.DataFrame(kept, schema=schema, orient="row")
        yield table.with_columns(pl.lit(file, dtype=pl.UInt32).alias("file")).select(
            *header, *PLACE
        )

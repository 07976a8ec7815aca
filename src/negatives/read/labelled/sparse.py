"""The sparse text format of the extreme classification repository.

The first line holds how many rows, features and labels there are: `N D L`. Each further line is a
row: its labels, separated by commas, then `FEATURE:VALUE` pairs, separated by spaces. A row without
labels begins with a space, or with its first feature. A matrix of labels alone has the header `N L`
and rows `LABEL:1 LABEL:1`. All numbers are from 0.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks, ending
from negatives.read.findings import WRONG_TYPE, Fault, Findings
from negatives.read.labelled.made import UNKNOWN_LABEL, Rows

_HEADER: Final = re.compile(rb"\s*\d+[ \t]+\d+([ \t]+\d+)?\s*\r?\n")
_ROW: Final = rb"[ \t]*(\d+(,\d+)*)?([ \t]+\d+:\S+|[ \t]*$|^\d+:\S+)"
_BAD: Final = Fault(
    WRONG_TYPE.key,
    "row is not of labels and features",
    "rows are not of labels and features",
    "write LABEL,LABEL FEATURE:VALUE FEATURE:VALUE, with whole numbers from 0 for labels and "
    "features",
)


def is_sparse(path: Path) -> bool:
    """Whether a text file begins as this format does: a header, and a row of labels."""
    if ending(path) != ".txt":
        return False
    try:
        head = next(blocks(path, 1 << 16), b"")
    except DataError:
        return False
    header = _HEADER.match(head)
    if header is None:
        return False
    row = head[header.end() :].split(b"\n", 1)[0].rstrip(b"\r")
    if header[1] is None:
        return re.fullmatch(rb"\s*(\d+:\S+\s*)*", row) is not None
    return re.match(_ROW, row) is not None


def read_sparse(path: Path, split: str, findings: Findings) -> Rows:
    """The rows, called SPLIT-0, SPLIT-1 and so on, and their labels; features are left aside."""
    lines = read_lines(path, findings, strip=False)
    header = [int(each) for each in lines[0].split()]
    count, width, matrix = header[0], header[-1], len(header) == 2
    lines = lines.slice(1)
    if len(lines) and len(lines) == count + 1 and not lines[-1].strip():
        lines = lines.head(count)
    if len(lines) != count:
        raise DataError(
            f"the first line says {count:,} rows, and {len(lines):,} follow",
            where=f"{path}, line 1",
            fix="give the whole file, or write how many rows there are",
        )
    file = findings.file(path)
    rows = pl.DataFrame({"line_text": lines}).with_row_index("row")
    rows = rows.with_columns(
        query_id=f"{split}-" + pl.col("row").cast(pl.String),
        file=pl.lit(file, pl.UInt32),
        line=pl.col("row") + 2,
    )
    form = r"^\s*(\d+(:\S+)?\s*)*$" if matrix else r"^(\d+(,\d+)*)?((^|\s+)\d+:\S+)*\s*$"
    bad = rows.filter(~pl.col("line_text").str.contains(form))
    for row in bad.head(10_000).iter_rows(named=True):
        reason = f"labels are whole numbers, separated by commas: {row['line_text'][:40]!r}"
        findings.add(_BAD, file, row["line"], reason, row["line_text"])
        findings.enough()
    rows = rows.join(bad.select("row"), on="row", how="anti", maintain_order="left")
    written = (
        pl.col("line_text")
        .str.extract_all(r"\d+(:\S+)?")
        .list.eval(pl.element().str.split(":").list.first())
        if matrix
        else pl.col("line_text").str.extract(r"^(\d+(?:,\d+)*)(?:\s|$)").str.split(",")
    )
    pairs = (
        rows.select("query_id", "file", "line", label=written)
        .explode("label")
        .drop_nulls("label")
        .with_columns(
            pl.col("label").str.strip_chars_start("0").replace("", "0"),
            relevance=pl.lit(1, pl.Int32),
        )
    )
    beyond = pairs.filter(pl.col("label").cast(pl.Int64, strict=False).fill_null(width) >= width)
    for row in beyond.head(10_000).iter_rows(named=True):
        reason = f"label {row['label']} is out of range: the first line says {width:,}, from 0"
        findings.add(UNKNOWN_LABEL, file, row["line"], reason, {"label": row["label"]})
        findings.enough()
    findings.done()
    pairs = pairs.join(beyond, on=["query_id", "label"], how="anti", maintain_order="left")
    features = 0 if matrix else int(rows["line_text"].str.contains(":").sum())
    findings.note(
        "{n} row has features besides its labels: they are not used",
        "{n} rows have features besides their labels: they are not used",
        features,
    )
    queries = rows.select("query_id", "row", "file", "line")
    return Rows(
        path, queries, pairs.select("query_id", "label", "relevance", "file", "line"), width
    )


def read_lines(path: Path, findings: Findings, *, strip: bool = True) -> pl.Series:
    """The lines of a text file, as they are or without white space around them."""
    parts = []
    for block in blocks(path):
        try:
            parts += block.decode().removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"the file is not UTF-8: {error.reason}",
                where=str(path),
                fix="save it as UTF-8 (for example: iconv -f cp1252 -t utf-8)",
            ) from None
    lines = pl.Series(parts, dtype=pl.String).str.strip_suffix("\r")
    return lines.str.strip_chars() if strip else lines

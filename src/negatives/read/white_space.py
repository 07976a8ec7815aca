"""Files whose columns are apart by white space: TREC's qrels and runs.

White space is ASCII's, as for trec_eval: an id may hold U+00A0, U+3000 or a '#'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from negatives.read.files import Lines
from negatives.read.findings import RAGGED, Fault, Findings

FIELD: Final = r"[^ \t\n\r\x0b\x0c]+"
"""One column of a line."""

_LINES: Final = {"line": pl.UInt32, "text": pl.String}
_fields = re.compile(FIELD).findall


def fields(line: str) -> list[str]:
    """The columns of one line."""
    return _fields(line)


def tables(path: Path, columns: tuple[str, ...], findings: Findings) -> Iterator[pl.DataFrame]:
    """The lines that are not blank, as texts in `columns`, with `file` and `line`.

    Lines of another number of columns are reported.
    """
    file = findings.file(path)
    said = " ".join(columns)
    fix = f"write {len(columns)} columns on each line, apart by spaces or tabs ({said}), which no "
    fix += "column may hold"
    fault = Fault(RAGGED.key, RAGGED.one, RAGGED.many, fix)
    for numbers, texts, _ in Lines(path, findings).in_blocks():
        found = pl.DataFrame({"line": numbers, "text": texts}, schema=_LINES)
        found = found.with_columns(field=pl.col("text").str.extract_all(FIELD))
        width = pl.col("field").list.len()
        found = found.filter(width > 0)
        for line, text, row in found.filter(width != len(columns)).iter_rows():
            reason = f"expected {len(columns)} columns ({said}), found {len(row)}"
            findings.add(fault, file, line, f"{reason}: {row}", text.rstrip("\r\n"))
        findings.enough()
        yield found.filter(width == len(columns)).select(
            *(pl.col("field").list.get(at).alias(name) for at, name in enumerate(columns)),
            pl.lit(file, dtype=pl.UInt32).alias("file"),
            "line",
        )

"""A TREC run read for its scores: query Q0 document rank score name, apart by ASCII white space.

As in trec_eval the scores make the order, and the ranks in the file do not; where they disagree,
that is told, for the scores may be distances.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks
from negatives.read.findings import RAGGED, Fault, Findings
from negatives.read.white_space import FIELD, WHITE_SPACE

BAD_SCORE: Final = Fault(
    "bad-score", "score is no number", "scores are no numbers", "write scores such as 12.75"
)
TWICE: Final = Fault(
    "twice", "document comes twice", "documents come twice", "keep one line of each"
)
_COLUMNS: Final = 6


def read_trec_run(path: str | Path) -> pl.DataFrame:
    """query_id, doc_id, score (float64), given_rank (float64, null where it is none) of each line.

    Raises `DataError` with the first five lines that are none of a run: another number of columns,
    a score that is no finite number, a document twice for one query.
    """
    where, findings = Path(path), Findings()
    file = findings.file(where)
    before, parts = 0, []
    for block in blocks(where):
        lines = _lines(block, before, where)
        before += len(lines)
        parts.append(_read(lines.filter(pl.col("text") != ""), file, findings))
    findings.done()
    if not sum(map(len, parts)):
        raise DataError(
            "the run is empty",
            where=str(path),
            mend="write lines of six columns: query Q0 document rank score name",
        )
    table = pl.concat(parts)
    again = table.filter(~pl.struct("query_id", "doc_id").is_first_distinct())
    for query, doc, line in again.select("query_id", "doc_id", "line").iter_rows():
        findings.add(TWICE, file, line, f"query {query!r}, document {doc!r}", (query, doc))
    findings.done()
    return table.drop("line")


def against_ranks(run: pl.DataFrame) -> int:
    """How many queries have a document that its given rank puts before one of a higher score."""
    order = run.sort("query_id", "given_rank", "score", descending=[False, False, True])
    rises = (
        (pl.col("query_id") == pl.col("query_id").shift(1))
        & (pl.col("given_rank") > pl.col("given_rank").shift(1))
        & (pl.col("score") > pl.col("score").shift(1))
    )
    return order.filter(rises)["query_id"].n_unique()


def _lines(block: bytes, before: int, path: Path) -> pl.DataFrame:
    """`text`, stripped, and `line`, its number in the file, of a block of whole lines."""
    try:
        lines = block.decode().split("\n")
    except UnicodeDecodeError as error:
        line = before + block.count(b"\n", 0, error.start) + 1
        raise DataError(
            "the run is not UTF-8", where=f"{path}, line {line:,}", mend="save it as UTF-8"
        ) from None
    if not lines[-1]:
        lines.pop()
    frame = pl.DataFrame({"text": lines}, schema={"text": pl.String})
    return frame.with_row_index("line", before + 1).with_columns(
        pl.col("text").str.strip_chars(WHITE_SPACE)
    )


def _read(lines: pl.DataFrame, file: int, findings: Findings) -> pl.DataFrame:
    split = lines.with_columns(field=pl.col("text").str.extract_all(FIELD))
    ragged = pl.col("field").list.len() != _COLUMNS
    for line, text, field in split.filter(ragged).iter_rows():
        reason = f"expected 6 columns (query Q0 document rank score name), found {len(field)}"
        findings.add(RAGGED, file, line, reason, text)
    table = split.filter(~ragged).select(
        pl.col("field").list.get(0).alias("query_id"),
        pl.col("field").list.get(2).alias("doc_id"),
        pl.col("field").list.get(4).cast(pl.Float64, strict=False).alias("score"),
        pl.col("field").list.get(3).cast(pl.Float64, strict=False).alias("given_rank"),
        "line",
        "text",
        "field",
    )
    sound = pl.col("score").is_finite().fill_null(False)
    for line, text, field in table.filter(~sound).select("line", "text", "field").iter_rows():
        findings.add(BAD_SCORE, file, line, repr(field[4]), text)
    return table.filter(sound).drop("text", "field")

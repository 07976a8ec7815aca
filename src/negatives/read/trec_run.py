"""A TREC run: query Q0 document rank score name, apart by ASCII white space.

As in trec_eval the scores make the order, and the ranks in the file do not; where they disagree,
that is told, for the scores may be distances.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.findings import Fault, Findings
from negatives.read.gathered import NO_GIVEN
from negatives.read.white_space import tables

TREC_RUN: Final = ("query", "Q0", "document", "rank", "score", "name")
BAD_SCORE: Final = Fault(
    "bad-score", "score is no number", "scores are no numbers", "write scores such as 12.75"
)
TWICE: Final = Fault(
    "twice", "document comes twice", "documents come twice", "keep one line of each"
)


def read_trec_run(path: str | Path) -> pl.DataFrame:
    """query_id, doc_id, score (float64), given_rank (float64, null where it is none) of each line.

    Raises `DataError` with the first five lines that are none of a run: another number of columns,
    a score that is no finite number, a document twice for one query.
    """
    findings = Findings()
    file = findings.file(path)
    wanted = {"query_id": "query", "doc_id": "document", "line": "line"}
    parts = []
    for table in tables(Path(path), TREC_RUN, findings):
        made = table.select(
            **wanted,
            score=pl.col("score").cast(pl.Float64, strict=False),
            given_rank=pl.col("rank").cast(pl.Float64, strict=False),
        )
        sound = made["score"].is_finite().fill_null(False)
        for line, text in table.filter(~sound).select("line", "score").iter_rows():
            findings.add(BAD_SCORE, file, line, repr(text), text)
        parts.append(made.filter(sound))
    findings.done()
    if not sum(map(len, parts)):
        raise DataError(
            "the run is empty",
            where=str(path),
            fix="write lines of six columns: query Q0 document rank score name",
        )
    run = pl.concat(parts)
    again = run.filter(~pl.struct("query_id", "doc_id").is_first_distinct())
    for query, doc, line in again.select("query_id", "doc_id", "line").iter_rows():
        findings.add(TWICE, file, line, f"query {query!r}, document {doc!r}", (query, doc))
    findings.done()
    return run.select("query_id", "doc_id", "score", "given_rank")


def read_ranked(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, file, line of each line, in their order."""
    wanted = {"query_id": "query", "doc_id": "document", "file": "file", "line": "line"}
    rows = [table.select(**wanted) for table in tables(path, TREC_RUN, findings)]
    return pl.concat([pl.DataFrame(schema=NO_GIVEN), *rows])


def against_ranks(run: pl.DataFrame) -> int:
    """How many queries have a document that its given rank puts before one of a higher score."""
    order = run.sort("query_id", "given_rank", "score", descending=[False, False, True])
    rises = (
        (pl.col("query_id") == pl.col("query_id").shift(1))
        & (pl.col("given_rank") > pl.col("given_rank").shift(1))
        & (pl.col("score") > pl.col("score").shift(1))
    )
    return order.filter(rises)["query_id"].n_unique()

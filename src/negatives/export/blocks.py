"""The pairs of a run by ids, a few queries at a time, so that no export holds them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import polars as pl

from negatives.export.scorers import Scorer, reference
from negatives.run.picked import check_number, check_picks
from negatives.run.relabel import ESTIMATE
from negatives.schema import PAIR, POSITIVE, Columns
from negatives.store.run import Run

Positives = Literal["known", "relabelled", "all"]
"""Whose positives: the judgements', those that the run relabelled, or both."""

BLOCK_ROWS: Final = 16_384
"""Aim for this many (positive, negative) pairs in a block; a query is never cut in two."""

POSITIVES: Final[Columns] = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "score": pl.Float32,
    "p_relevant": pl.Float32,
    "relabelled": pl.Boolean,
}
_POSITIVES: Final = [pl.col(name).cast(dtype) for name, dtype in POSITIVES.items()]
NEGATIVES: Final[Columns] = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "score": pl.Float32,
    "hardness": pl.Float32,
    "p_relevant": pl.Float32,
}


@dataclass(frozen=True)
class ExportBlock:
    """All positives and negatives of some consecutive queries of a run.

    Both frames are in query order: `positives` (query_id, doc_id, score, p_relevant: 1 where it is
    known, relabelled) then by doc_id, `negatives` (query_id, doc_id, score, hardness, p_relevant)
    then by position. `score` is one scorer's; null where it gave none.
    """

    positives: pl.DataFrame
    negatives: pl.DataFrame


def empty_block() -> ExportBlock:
    """A block without a pair: what a format makes of it has the columns of the whole file."""
    return ExportBlock(pl.DataFrame(schema=POSITIVES), pl.DataFrame(schema=NEGATIVES))


def blocks(
    run: Run, which: Positives = "known", scorer: Scorer | None = None
) -> Iterator[ExportBlock]:
    """All pairs of the run whose query has such a positive, part by part of the ledger.

    `scorer`: whose scores; None: the reference scorer's.
    """
    seen = 0
    for part in run.parts:
        positives = positive_pairs(run, [part], which, scorer).sort("query_id", "doc_id").collect()
        if len(positives):
            negatives = _negatives(run, positives["query_id"], part, scorer)
            check_picks(run, negatives, part)
            seen += len(negatives)
            yield from _cut(positives, negatives)
    if which != "relabelled":
        check_number(run, seen)


def positive_pairs(
    run: Run, parts: list[Path], which: Positives, scorer: Scorer | None = None
) -> pl.LazyFrame:
    """The positives of the queries of some ledger parts, with a score: the reference scorer's."""
    found = {"known": [_known], "relabelled": [_new], "all": [_known, _new]}[which]
    return pl.concat([positives(run, parts, scorer) for positives in found])


def negative_pairs(run: Run, parts: list[Path], scorer: Scorer | None = None) -> pl.LazyFrame:
    """The negatives of the queries of some ledger parts, with a score: the reference scorer's."""
    return _scored(run, pl.scan_parquet(run.negatives_file, glob=False), parts, scorer)


def _known(run: Run, parts: list[Path], scorer: Scorer | None) -> pl.LazyFrame:
    scorer = scorer or reference(run)
    score = pl.col(scorer.column) if scorer else pl.lit(None)
    rows = pl.scan_parquet(parts, glob=False).filter(pl.col("verdict") == POSITIVE)
    return rows.with_columns(score=score, p_relevant=1.0, relabelled=False).select(_POSITIVES)


def _new(run: Run, parts: list[Path], scorer: Scorer | None) -> pl.LazyFrame:
    queries = pl.scan_parquet(parts, glob=False).select("query_id").unique()
    rows = pl.scan_parquet(run.relabelled_file, glob=False).filter(pl.col("kind") == ESTIMATE)
    rows = rows.join(queries, on="query_id", how="semi")
    return _scored(run, rows.with_columns(relabelled=True), parts, scorer).select(_POSITIVES)


def _scored(
    run: Run, pairs: pl.LazyFrame, parts: list[Path], scorer: Scorer | None
) -> pl.LazyFrame:
    """Pairs of the ledger that have the reference scorer's score, with another scorer's."""
    if scorer is None or scorer == reference(run):
        return pairs
    ledger = pl.scan_parquet(parts, glob=False)
    found = ledger.select(*PAIR, score=pl.col(scorer.column).cast(pl.Float32))
    return pairs.drop("score").join(found, on=PAIR, how="left", maintain_order="left")


def _negatives(run: Run, queries: pl.Series, part: Path, scorer: Scorer | None) -> pl.DataFrame:
    """The negatives of the queries of one part; both files are in query order."""
    within = pl.col("query_id").is_between(pl.lit(queries[0]), pl.lit(queries[-1]))
    rows = pl.scan_parquet(run.negatives_file, glob=False).filter(within)
    return (
        _scored(run, rows, [part], scorer).sort("query_id", "position").select(*NEGATIVES).collect()
    )


def _cut(positives: pl.DataFrame, negatives: pl.DataFrame) -> Iterator[ExportBlock]:
    delivered = negatives.group_by("query_id").len("negatives")
    rows = pl.col("positives") * pl.col("negatives").fill_null(0).clip(1)
    spans = (
        positives.group_by("query_id", maintain_order=True)
        .len("positives")
        .join(delivered, on="query_id", how="left", maintain_order="left")
        .select("query_id", block=(rows.cast(pl.Int64).cum_sum() - rows) // BLOCK_ROWS)
        .group_by("block", maintain_order=True)
        .agg(first=pl.col("query_id").first(), last=pl.col("query_id").last())
    )
    for _, first, last in spans.iter_rows():
        within = pl.col("query_id").is_between(pl.lit(first), pl.lit(last))
        yield ExportBlock(positives.filter(within), negatives.filter(within))

"""TREC files: the negatives as a run, and the judgements as qrels.

Both are columns apart by white space, so an id that has some cannot be written.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from negatives.errors import InputError
from negatives.export.ask import EACH_NEGATIVE, Ask, PairFormat
from negatives.export.blocks import ExportBlock
from negatives.run.inputs import collection_of
from negatives.run.reviews import read_reviews

TAG: Final = "negatives"
"""The last column of a run file: who made it."""


def run_lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """query_id, Q0, doc_id, rank (from 1), score, tag: the negatives by score, then by position.

    Readers of run files order by score and ignore the rank, so equal scores are lowered by the
    least that a 32-bit float can differ; without scores, they count down to 1.
    """
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id")
    rows = block.negatives.sort(
        "query_id", "score", descending=[False, True], nulls_last=True, maintain_order=True
    ).with_columns(rank=rank)
    left = (pl.len().over("query_id") - rank + 1).cast(pl.Float32)
    lowest = pl.col("score").min().over("query_id")
    rows = rows.with_columns(pl.col("score").fill_null(lowest).fill_null(left))
    return without_white_space(rows).select(
        "query_id",
        pl.lit("Q0").alias("q0"),
        "doc_id",
        "rank",
        _strictly_falling(rows),
        pl.lit(TAG).alias("tag"),
    )


def qrels_lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """query_id, 0, doc_id, relevance: what is known of the run's queries, by doc_id.

    Relabelled positives, where asked for, come as 1, and mined negatives, which nobody judged, as 0
    where that was asked for. What is known to be pooled and unjudged (below 0) stays so, unless it
    is one of those. Verdicts of people on other pairs, where asked for, come as 2 (relevant), 1
    (partly) and 0, and none higher than any judgement that the collection has.
    """
    queries = block.positives.select("query_id").unique()
    pair = ["query_id", "doc_id"]
    given = collection_of(ask.run).qrels.join(queries, on="query_id", how="semi")
    known = given.filter(pl.col("relevance") >= 0)
    new = block.positives.filter("relabelled").select(
        "query_id", "doc_id", relevance=pl.lit(1, pl.Int32)
    )
    if ask.reviews:
        highest = max([1, *given["relevance"].unique()])
        said = read_reviews(ask.run.path).join(queries, on="query_id", how="semi")
        said = said.select(*pair, relevance=pl.col("grade").clip(0, highest).cast(pl.Int32))
        known = pl.concat([known, said.join(known, on=pair, how="anti")])
        new = new.join(said, on=pair, how="anti")
    known = new if ask.positives == "relabelled" else pl.concat([known, new])
    if ask.mined == "zero":
        unjudged = block.negatives.select(pair).join(known, on=pair, how="anti")
        known = pl.concat([known, unjudged.with_columns(relevance=pl.lit(0, pl.Int32))])
    if ask.positives != "relabelled":
        pooled = given.filter(pl.col("relevance") < 0)
        known = pl.concat([known, pooled.join(known, on=pair, how="anti")])
    return without_white_space(known.sort("query_id", "doc_id")).select(
        "query_id", pl.lit(0).alias("iteration"), "doc_id", "relevance"
    )


def _strictly_falling(rows: pl.DataFrame) -> pl.Series:
    """Scores that fall by at least one float32 step at each rank of a query.

    Floats are ordered like the integers their bits spell (mirrored below zero), so a step is 1:
    lowest-so-far of (bits + rank) - rank.
    """
    bits = rows["score"].to_numpy().view(np.int32).astype(np.int64)
    mirrored = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    lowest = (pl.col("step") + pl.col("rank")).cum_min().over("query_id") - pl.col("rank")
    steps = rows.with_columns(step=pl.Series(mirrored)).select(lowest).to_series().to_numpy()
    restored = np.where(steps < 0, -steps | 0x80000000, steps).astype(np.uint32)
    return pl.Series("score", restored.view(np.float32))


def without_white_space(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` if their ids can stand between white space."""
    for column in ("query_id", "doc_id"):
        spaced = rows.filter(pl.col(column).str.contains(r"\s|^$"))[column].unique().sort()
        if len(spaced):
            raise InputError(
                f"TREC files cannot hold a {column} with white space: "
                f"{', '.join(map(repr, spaced[:5]))}",
                fix="give these other ids, or choose another format",
            )
    return rows


_SUFFIXES: Final = (".trec", ".txt")
FORMATS: Final = {
    "trec-run": PairFormat(
        "TREC run of the negatives: query Q0 doc rank score tag",
        (*_SUFFIXES, ".run"),
        run_lines,
        rows_of_query=EACH_NEGATIVE,
        texts="never",
        scores="always",
        no_positives="leave out positives",
    ),
    "qrels": PairFormat(
        "TREC qrels of what is known: query 0 doc relevance",
        (*_SUFFIXES, ".qrels"),
        qrels_lines,
        options=("mined", "reviews"),
        of_negatives=False,
        texts="never",
        scores="never",
        no_scores=("qrels hold judgements, no scores", "the format trec-run has scores"),
    ),
}

"""The frame a source returns, made from arrays."""

from __future__ import annotations

import numpy as np
import polars as pl

from negatives.arrays import Floats, Rows
from negatives.search.shortlist import places

COLUMNS = {"query": pl.UInt32, "doc": pl.UInt32, "rank": pl.Int32, "score": pl.Float32}


def from_matrix(queries: Rows, docs: Rows, scores: Floats) -> pl.DataFrame:
    """Candidates from docs: uint32[q, k] and scores: float32[q, k], best first in each row.

    Places that a search could not fill have a score of -inf and are left out.
    """
    found = scores > -np.inf
    sizes = found.sum(axis=1)
    return pl.DataFrame(
        {
            "query": np.repeat(queries, sizes),
            "doc": docs[found],
            "rank": places(sizes),
            "score": scores[found],
        },
        schema=COLUMNS,
    )


def among_positives(found: pl.DataFrame, known: pl.DataFrame, top: int) -> pl.DataFrame:
    """Candidates ranked as if the positives (query, doc, score) had been searched for too.

    `found` holds the `top` best of each query besides its positives. A positive is a candidate
    where it ranks before the last of these, or where the query has found all there is.
    """
    last = found.group_by("query", maintain_order=True).agg(
        count=pl.len(), last=pl.last("doc"), lowest=pl.last("score")
    )
    ties = (pl.col("score") == pl.col("lowest")) & (pl.col("doc") < pl.col("last"))
    near = known.join(last, on="query", how="left").filter(
        (pl.col("count").fill_null(0) < top) | (pl.col("score") > pl.col("lowest")) | ties
    )
    every = pl.concat([found.select("query", "doc", "score"), near.select("query", "doc", "score")])
    return ranked(every)


def from_lists(queries: Rows, docs: list[Rows], scores: list[Floats]) -> pl.DataFrame:
    """Candidates from one array of docs and one of scores for each query, best first."""
    sizes = np.array([len(rows) for rows in docs], np.int64)
    return pl.DataFrame(
        {
            "query": np.repeat(queries, sizes),
            "doc": np.concatenate(docs) if docs else np.empty(0, np.uint32),
            "rank": places(sizes),
            "score": np.concatenate(scores) if scores else np.empty(0, np.float32),
        },
        schema=COLUMNS,
    )


def ranked(candidates: pl.DataFrame) -> pl.DataFrame:
    """Give (query, doc, score) ranks by descending score, ties by doc."""
    return (
        candidates.sort("query", "score", "doc", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query"))
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )

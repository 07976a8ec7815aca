"""Fewer rows a query than its positives and negatives could make: which of them, by seed and ids.

A query's positives and its negatives are each put into an order that depends on the seed and on ids
only. Row k takes the k-th of both, each beginning anew at its end, so that every negative is used
before any is used twice, and so is every positive. Where both have come to their ends at once, the
positives are moved on by one: no pair comes twice until all have come.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from negatives.chance import pair_uniforms
from negatives.export.ask import Ask
from negatives.export.pairs import PairsFormat

_STREAM: Final = "rows per query"


def crossed(pairs: PairsFormat, ask: Ask) -> pl.DataFrame:
    """Positives with negatives of their query: every pair, or as many a query as were asked for.

    By query, then positive, then negative, as the two sides are ordered.
    """
    positives, negatives = pairs.positives, pairs.negatives
    if ask.rows_per_query is None:
        return positives.join(
            negatives, on="query_id", suffix="_negative", maintain_order="left_right"
        )
    positives, negatives = (_placed(side, ask.seed) for side in (positives, negatives))
    drawn = _drawn(positives, negatives, ask.rows_per_query)
    return (
        drawn.join(positives, left_on=["query_id", "i"], right_on=["query_id", "place"])
        .join(
            negatives.drop("query"),
            left_on=["query_id", "j"],
            right_on=["query_id", "place"],
            suffix="_negative",
        )
        .sort("at", "at_negative")
    )


def some_positives(pairs: PairsFormat, ask: Ask) -> PairsFormat:
    """All positives, or as many a query as rows were asked for; all negatives."""
    if ask.rows_per_query is None:
        return pairs
    placed = _placed(pairs.positives, ask.seed)
    some = placed.filter(pl.col("place") < ask.rows_per_query).select(pairs.positives.columns)
    return PairsFormat(some, pairs.negatives)


def _placed(side: pl.DataFrame, seed: int) -> pl.DataFrame:
    """With `at`, the row, and `place`, where the pair stands in its query's random order."""
    drawn = pl.Series("drawn", pair_uniforms(side, seed, _STREAM))
    place = pl.col("drawn").rank("ordinal").over("query_id").cast(pl.Int64) - 1
    return side.with_row_index("at").with_columns(drawn).with_columns(place=place).drop("drawn")


def _drawn(positives: pl.DataFrame, negatives: pl.DataFrame, limit: int) -> pl.DataFrame:
    """query_id, i, j: the places of the positive and of the negative of each row."""
    counts = (
        positives.group_by("query_id", maintain_order=True)
        .agg(p=pl.len().cast(pl.Int64))
        .join(negatives.group_by("query_id").agg(n=pl.len().cast(pl.Int64)), on="query_id")
    )
    cycle = np.lcm(counts["p"].to_numpy(), counts["n"].to_numpy())
    rows = pl.min_horizontal(pl.col("p") * pl.col("n"), pl.lit(limit, pl.Int64))
    return (
        counts.with_columns(cycle=pl.Series(cycle, dtype=pl.Int64))
        .with_columns(k=pl.int_ranges(0, rows))
        .explode("k")
        .select(
            "query_id",
            i=(pl.col("k") + pl.col("k") // pl.col("cycle")) % pl.col("p"),
            j=pl.col("k") % pl.col("n"),
        )
    )

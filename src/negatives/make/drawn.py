"""Draws that generators make for queries: one positive each, by ids alone."""

from __future__ import annotations

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Rows
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.opening import Context


def drawn_positives(context: Context, rows: Rows, stream: str) -> pl.DataFrame:
    """query, doc (uint32): a positive with a text of each query that has one, sorted by query."""
    data = context.collection
    empty = pl.Series(data.lacking("docs", ("text",)), dtype=pl.UInt32)
    asked = pl.Series(rows, dtype=pl.UInt32)
    known = data.positives.filter(
        pl.col("query").is_in(asked.implode()) & ~pl.col("doc").is_in(empty.implode())
    )
    drawn = pl.Series("drawn", pair_uniforms(data.ids_of(known), context.seed, stream))
    return (
        known.with_columns(drawn)
        .sort("query", "drawn")
        .unique("query", keep="first")
        .select("query", "doc")
        .sort("query")
    )


def query_draws(context: Context, rows: Rows, stream: str) -> Doubles:
    """float64[n] in (0, 1), one for each query."""
    ids = context.collection.queries["query_id"].gather(np.asarray(rows))
    return uniforms(id_hashes(ids), stream_key(context.seed, stream))

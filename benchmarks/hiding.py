"""Positives hidden at random, so that how many come back as negatives can be counted."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

import negatives as neg
from negatives.chance import pair_uniforms

PAIR = ["query_id", "doc_id"]


def all_but_one(data: neg.Collection, seed: int) -> tuple[neg.Collection, pl.DataFrame]:
    """One positive left of every query that has at least two (others go), and the hidden ones."""
    return _hidden(data, seed, "benchmark/one", pl.int_range(pl.len()).over("query_id") == 0)


def half(data: neg.Collection, seed: int) -> tuple[neg.Collection, pl.DataFrame]:
    """Half of the positives hidden of every query that has at least two, and those hidden."""
    count = pl.len().over("query_id")
    left = pl.int_range(pl.len()).over("query_id") >= count // 2
    return _hidden(data, seed, "benchmark/hide", left)


def _hidden(
    data: neg.Collection, seed: int, stream: str, left: pl.Expr
) -> tuple[neg.Collection, pl.DataFrame]:
    positives = data.qrels.filter(pl.col("relevance") > 0).filter(pl.len().over("query_id") >= 2)
    drawn = pl.Series("draw", pair_uniforms(positives, seed, stream))
    ordered = positives.with_columns(drawn).sort("query_id", "draw").with_columns(left=left)
    kept = ordered.filter("left").select(data.qrels.columns)
    return replace(data, qrels=kept, origin=""), ordered.filter(~pl.col("left")).select(PAIR)

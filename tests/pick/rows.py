"""Kept rows of a ledger, made by hand."""

from __future__ import annotations

import polars as pl

Row = tuple[str, str, float | None, int | None, int | None, float | None]


def rows(*given: Row) -> pl.DataFrame:
    """A frame of (query_id, doc_id, hardness, bm25_rank, dense_rank, bm25_score)."""
    schema = {
        "query_id": pl.String,
        "doc_id": pl.String,
        "hardness": pl.Float32,
        "bm25_rank": pl.Int32,
        "dense_rank": pl.Int32,
        "bm25_score": pl.Float32,
    }
    return pl.DataFrame(list(given), schema=schema, orient="row")

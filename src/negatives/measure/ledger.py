"""A run's ledger part by part, with what was picked from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from negatives.run.directory import NEGATIVES_FILE, Run


def parts_with_picks(run: Run, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Each part of the ledger (whole queries) with `position`: null where a pair was not picked."""
    negatives = pl.scan_parquet(run.path / NEGATIVES_FILE).select("query_id", "doc_id", "position")
    for path in run.parts:
        part = pl.read_parquet(path, columns=None if columns is None else list(columns))
        first, last = part["query_id"].min(), part["query_id"].max()
        within = pl.col("query_id").is_between(pl.lit(first), pl.lit(last))
        picked = negatives.filter(within).collect()
        yield part.join(picked, on=["query_id", "doc_id"], how="left", maintain_order="left")

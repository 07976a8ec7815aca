"""A part of the ledger, read some whole queries at a time, and a few of its pairs found in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from negatives.arrays import by_volume

PAIR: Final = ["query_id", "doc_id"]
"""What names a pair."""
BLOCK_ROWS: Final = 1 << 17
"""Rows that are held at a time, about: a part may have been written with more memory at hand."""


def blocks(
    part: Path, columns: Sequence[str] | None = None, rows: int = BLOCK_ROWS
) -> Iterator[pl.DataFrame]:
    """A part of the ledger in blocks of about so many rows, of whole queries; at least one block.

    `columns`: those that are read; None: all.
    """
    # In one piece each: columns in several pieces are put together anew by whatever uses them.
    scan = pl.scan_parquet(part, glob=False)
    wanted = scan if columns is None else scan.select(columns)
    runs = scan.select(pl.col("query_id").rle().struct.field("len")).collect().to_series()
    lengths = runs.to_numpy()
    total = int(lengths.sum())
    number = max(1, round(total / rows))
    if number == 1:
        yield wanted.collect().rechunk()
        return
    start = 0
    for first, last in by_volume(lengths, -(-total // number)):
        length = int(lengths[first:last].sum())
        yield wanted.slice(start, length).collect().rechunk()
        start += length


def among(rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Those of many `rows` that are one of a few `pairs`, with `row`, their place, and all columns.

    A join of all rows would make keys of them; hashes tell nearly all of them apart for a tenth of
    that, and the join of the rest makes sure.
    """
    key = pl.col("query_id").hash(0) ^ pl.col("doc_id").hash(1)
    hashes = pairs.select(key).to_series()
    near = rows.select(key.is_in(hashes.implode())).to_series()
    return rows.with_row_index("row").filter(near).join(pairs, on=PAIR, maintain_order="left")

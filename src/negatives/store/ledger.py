"""A part of the ledger, read some whole queries at a time, and a few of its pairs found in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import starts_of
from negatives.schema import PAIR

BLOCK_ROWS: Final = 1 << 17
"""Rows that are held at a time, about: a part may have been written with more memory at hand."""


def blocks(
    part: Path, columns: Sequence[str] | None = None, rows: int = BLOCK_ROWS
) -> Iterator[pl.DataFrame]:
    """A part of the ledger in blocks of about so many rows, of whole queries; at least one block.

    `columns`: those that are read; None: all.
    """
    scan = pl.scan_parquet(part, glob=False)
    wanted = scan if columns is None else scan.select(columns)
    lengths = scan.select(pl.col("query_id").rle().struct.field("len")).collect().to_series()
    ends = starts_of(lengths.to_numpy())
    number = max(1, round(int(ends[-1]) / rows))
    cuts = np.unique(ends[np.searchsorted(ends, np.linspace(0, ends[-1], number + 1))])
    for start, stop in pairwise([*cuts] if len(cuts) > 1 else [0, 0]):
        yield _in_one_piece(wanted.slice(start, stop - start))


def _in_one_piece(scan: pl.LazyFrame) -> pl.DataFrame:
    """What is read, each column in one piece: every step over several would put them together anew.

    One column after the other, so that no more than one is there twice.
    """
    columns = scan.collect().get_columns()
    for place in range(len(columns)):
        columns[place] = columns[place].rechunk()
    return pl.DataFrame(columns)


def among(rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Those of many `rows` that are one of a few `pairs`, with `row`, their place, and all columns.

    A join of all rows would make keys of them; hashes tell nearly all of them apart for a tenth of
    that, and the join of the rest makes sure.
    """
    key = pl.col("query_id").hash(0) ^ pl.col("doc_id").hash(1)
    hashes = pairs.select(key).to_series()
    near = rows.select(key.is_in(hashes.implode())).to_series()
    return rows.with_row_index("row").filter(near).join(pairs, on=PAIR, maintain_order="left")

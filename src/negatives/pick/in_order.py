"""Choosing query by query, in an order of choice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from negatives.arrays import Places


def of_each_query(rows: pl.DataFrame, choose: Callable[[Places], Places]) -> Places:
    """int64[m]: row numbers, query after query, of what `choose` takes from those of each.

    `rows` are sorted by query_id; `choose` is given the row numbers of one query.
    """
    begins = np.flatnonzero(rows["query_id"].rle_id().diff().fill_null(1).to_numpy())
    made = [choose(theirs) for theirs in np.split(np.arange(len(rows)), begins)[1:]]
    return np.concatenate([*made, np.empty(0, np.int64)])

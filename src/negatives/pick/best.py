"""The best few of many lists, without putting the lists in order.

A rule by which the best of a list are chosen only has to be asked about the values that can be
among them: these, ties included, are told by one bound a list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places, starts_of


def within_reach(rows: pl.DataFrame, key: pl.Expr, count: int) -> pl.DataFrame:
    """The rows that can be among the first `count` of their query, in the order they have.

    `key` is a number by which higher comes first, and null after all others; what decides between
    equal ones does not matter, for all of them are here.
    """
    value = key.cast(pl.Float64).fill_null(-float("inf"))
    return rows.filter(value >= value.top_k(count).min().over("query_id"))


@dataclass(frozen=True)
class Lists:
    """Many lists of values, one after the other, of which the best are asked for again and again.

    Lists of about the same length are laid out as the rows of one table, at most half of which is
    empty: `tables` are (lists, int[lists, width] places of their values), and the place after the
    last value stands for an empty cell.
    """

    lengths: Places
    tables: tuple[tuple[Places, NDArray[np.integer[Any]]], ...]

    @staticmethod
    def of(lengths: Places) -> Lists:
        """Lists of such lengths."""
        starts = starts_of(lengths)
        widths = np.exp2(np.ceil(np.log2(np.maximum(lengths, 1)))).astype(np.int64)
        tables = []
        for width in np.unique(widths):
            lists = np.flatnonzero(widths == width)
            column = np.arange(width)
            there = column < lengths[lists, None]
            places = np.where(there, starts[lists, None] + column, starts[-1])
            tables.append((lists, places.astype(np.int32) if starts[-1] < 2**31 else places))
        return Lists(lengths, tuple(tables))

    def nth_highest(self, values: Doubles, count: int) -> Doubles:
        """float64[lists]: the `count`-th highest value of each; -inf where it has fewer, or NaN."""
        found = np.full(len(self.lengths), -np.inf)
        padded = np.append(values, -np.inf)
        padded[np.isnan(padded)] = -np.inf
        for lists, places in self.tables:
            width = places.shape[1]
            if width >= count:
                rows = padded[places]
                rows.partition(width - count, axis=1)
                found[lists] = rows[:, width - count]
        return found

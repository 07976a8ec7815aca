"""Products of a batch of queries with blocks of documents, and the cells that are worth a look.

A product nominates; it does not score. What it gives of a cell is a value below which the pair's
own score cannot lie, so that any arithmetic serves, however coarse, and no result depends on it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from negatives.arrays import Floats, Places

ROUNDING = 1e-6
"""Of a float32 product, times sqrt(width): far above what is seen, far below a gap that matters."""


class Nominated(NamedTuple):
    """Cells of a block: query and column (int64[n]) and the lowest score each may have.

    `slack` (float32[q]) is by how much a product of each query with this block may be wrong.
    """

    query: Places
    column: Places
    lowest: Floats
    slack: Floats


class Product(Protocol):
    """A batch of queries, ready to be multiplied."""

    def above(self, docs: Floats, bar: Floats, query: Places, column: Places) -> Nominated:
        """Cells that may score at least their query's bar, sorted; never a (query, column) given.

        docs: float32[b, d]; bar: float32[q].
        """
        ...


def least(bar: Floats, slack: Floats) -> Floats:
    """float32[q] a product must reach; finite, so that a masked cell never does."""
    floor: Floats = np.maximum(bar - slack, np.finfo(np.float32).min)
    return floor

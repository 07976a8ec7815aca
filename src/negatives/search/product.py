"""Products of a batch of queries with blocks of documents, and the cells that are worth a look.

A product nominates; it does not score. What it gives of a cell is a value below which the pair's
own score cannot lie, so that any arithmetic serves, however coarse, and no result depends on it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from negatives.arrays import Floats, Places
from negatives.stats.lengths import lengths

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


class Backend(Protocol):
    """What multiplies: how much it takes at once, and by how many workers it is best called."""

    @property
    def name(self) -> str:
        """What the manifest says the search ran on."""
        ...

    @property
    def batch(self) -> int:
        """Queries in one product, at most."""
        ...

    @property
    def block(self) -> int:
        """Documents in one product, at most."""
        ...

    @property
    def workers(self) -> int:
        """Threads that call it at the same time."""
        ...

    def open(self, queries: Floats) -> Product:
        """Prepare float32[q, d] queries."""
        ...


class Space(threading.local):
    """What each thread keeps from one product to the next: its cells and their mask."""

    def __init__(self, queries: int, block: int) -> None:
        self.cells = np.empty(queries * block, np.float32)
        self.mask = np.empty(queries * block, bool)


@dataclass(frozen=True, slots=True)
class Blas:
    """Float32 products by numpy's BLAS, one thread to a block of documents."""

    workers: int = 1
    name: str = "numpy float32"
    batch: int = 2048
    block: int = 2048  # larger ones are no faster and hold more memory

    def open(self, queries: Floats) -> BlasProduct:
        """Bound what rounding may change of their products."""
        count, width = queries.shape
        slack = lengths(queries) * np.float32(ROUNDING * width**0.5)
        return BlasProduct(np.ascontiguousarray(queries), slack, Space(count, self.block))


@dataclass(frozen=True, slots=True)
class BlasProduct:
    """A batch of queries in float32."""

    queries: Floats
    slack: Floats
    space: Space

    def above(self, docs: Floats, bar: Floats, query: Places, column: Places) -> Nominated:
        """See `Product.above`."""
        count, own = len(self.queries), self.space
        cells = own.cells[: count * len(docs)].reshape(count, len(docs))
        mask = own.mask[: count * len(docs)].reshape(count, len(docs))
        np.matmul(self.queries, docs.T, out=cells)
        cells[query, column] = -np.inf
        slack = self.slack * lengths(docs).max()
        np.greater_equal(cells, least(bar, slack)[:, None], out=mask)
        found = np.flatnonzero(mask)
        query, column = np.divmod(found, len(docs))
        return Nominated(query, column, cells.ravel()[found] - slack[query], slack)


def least(bar: Floats, slack: Floats) -> Floats:
    """float32[q] a product must reach; finite, so that a masked cell never does."""
    floor: Floats = np.maximum(bar - slack, np.finfo(np.float32).min)
    return floor

"""Products in float32 by numpy's BLAS."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from negatives.arrays import Floats, Places
from negatives.search.by_blocks import ByBlocks
from negatives.search.product import ROUNDING, Nominated, least
from negatives.stats.lengths import lengths


class Space(threading.local):
    """What each thread keeps from one product to the next: its cells and their mask."""

    def __init__(self, queries: int, block: int) -> None:
        self.cells = np.empty(queries * block, np.float32)
        self.mask = np.empty(queries * block, bool)


@dataclass(frozen=True, slots=True)
class Blas(ByBlocks):
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

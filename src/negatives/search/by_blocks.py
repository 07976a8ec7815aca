"""A search on processors: several threads, each with a block of documents at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from negatives.arrays import Bools, Floats
from negatives.one_thread import one_thread
from negatives.search.backend import Asked
from negatives.search.product import Product
from negatives.search.shortlist import Shortlist
from negatives.store.vectors import read_block


class ByBlocks(Protocol):
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

    def at_once(self, k: int, memory: int) -> int:
        """See `Backend.at_once`."""
        # A cell and its mask take 5 bytes for each worker; of a shortlisted pair copies are sorted.
        return int(np.clip(memory // (5 * self.block * self.workers + 100 * k), 16, self.batch))

    def nominate(self, asked: Asked, shortlist: Shortlist) -> Bools:
        """See `Backend.nominate`: done for every query."""
        docs, count = asked.docs, len(asked.queries)
        product, blocks, turn = self.open(asked.queries), asked.blocks(self.block), threading.Lock()

        def work(_: int) -> None:
            space = np.empty((min(self.block, len(docs)), docs.shape[1]), np.float32)
            while True:
                with turn:
                    start, stop = next(blocks, (0, 0))
                if start == stop:
                    return
                block = read_block(docs, start, stop, space)
                query, column = asked.excluded_in(start, stop)
                shut = np.flatnonzero(~asked.allowed[start:stop])
                if len(shut):
                    query = np.concatenate([query, np.repeat(np.arange(count), len(shut))])
                    column = np.concatenate([column, np.tile(shut, count)])
                shortlist.add(product.above(block, shortlist.bar, query, column), start)

        with (
            one_thread(),
            ThreadPoolExecutor(self.workers) as pool,
        ):
            list(pool.map(work, range(self.workers)))
        return np.ones(count, bool)

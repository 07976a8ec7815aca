"""A search on a GPU: all that grows with the documents is done there, and a few pairs come back.

Products are full float32. The best `k` pairs of each query and `SPARE` more stay on the device,
where a bar rises with them as it does on the processors. Whoever scores less than the last of them
is not known; so a query is done where that last one lies below the k-th by more than rounding can
explain. Where many documents are alike it does not, and the query is searched on the processors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from negatives.arrays import Bools, Floats
from negatives.optional import require
from negatives.search.backend import Asked
from negatives.search.product import ROUNDING, Nominated
from negatives.search.shortlist import Shortlist
from negatives.stats.lengths import lengths
from negatives.store.vectors import read_block

SPARE = 28
"""Pairs of a query that are kept besides the k best."""
_CELLS = 2**28
"""Products of a block with all queries, at most: a GiB of the device, and half as much again."""


@dataclass(frozen=True, slots=True)
class OnDevice:
    """Float32 products on `device`, as torch names it; `workers` threads read blocks for it."""

    device: str
    workers: int = 1
    batch: int = 16_384
    block: int = 65_536

    @property
    def name(self) -> str:
        """Torch, the device and the type."""
        return f"torch {self.device} float32"

    def at_once(self, k: int, memory: int) -> int:
        """See `Backend.at_once`."""
        return int(np.clip(memory // (100 * (k + SPARE)), 16, self.batch))

    def nominate(self, asked: Asked, shortlist: Shortlist) -> Bools:
        """See `Backend.nominate`: done where the k best are told apart from what was left out."""
        torch = require("torch", extra="train")
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")  # no shorter floats, whatever was set
        try:
            with torch.inference_mode():
                query, doc, product, longest = self._best(torch, asked)
        finally:
            torch.set_float32_matmul_precision(before)
        width = asked.queries.shape[1]
        slack = lengths(asked.queries) * np.float32(ROUNDING * width**0.5 * longest)
        sizes = np.bincount(query, minlength=len(asked.queries))
        first = np.cumsum(sizes) - sizes
        full = np.flatnonzero(sizes == asked.k + SPARE)
        least = np.full(len(sizes), -np.inf, np.float32)
        least[full] = product[first[full] + asked.k - 1] - 2 * slack[full]
        done = np.ones(len(sizes), bool)
        done[full] = product[first[full] + sizes[full] - 1] < least[full]
        near = np.flatnonzero(done[query] & (product >= least[query]))
        query = query[near]
        shortlist.add(Nominated(query, doc[near], product[near] - slack[query], slack), 0)
        return done

    def _best(self, torch: Any, asked: Asked) -> tuple[Any, Any, Floats, float]:
        """Query, document (int64[n]) and product of what was kept, best first in each query.

        And the length of the longest document.
        """
        queries = torch.from_numpy(np.ascontiguousarray(asked.queries)).to(self.device)
        kept = _Kept(torch, len(queries), asked.k + SPARE, self.device)
        longest = torch.zeros((), device=self.device)
        for start, block in self._blocks(torch, asked):
            cells = queries @ block.T
            longest = torch.maximum(longest, torch.linalg.vector_norm(block, dim=1).max())
            at = asked.excluded_in(start, start + len(block))
            if len(at[0]):
                cells[tuple(torch.from_numpy(each).to(self.device) for each in at)] = -torch.inf
            shut = np.flatnonzero(~asked.allowed[start : start + len(block)])
            if len(shut):
                cells[:, torch.from_numpy(shut).to(self.device)] = -torch.inf
            kept.add(cells, start)
        query, doc, product = (each.cpu().numpy() for each in kept.best())
        return query, doc, product, float(longest)

    def _blocks(self, torch: Any, asked: Asked) -> Iterator[tuple[int, Any]]:
        """Blocks on the device, in order; the next ones are read while one is worked on."""

        def read(start: int, stop: int) -> tuple[int, Any]:
            block = np.require(read_block(asked.docs, start, stop), requirements=("C", "W"))
            return start, torch.from_numpy(block).to(self.device)

        waiting: deque[Future[tuple[int, Any]]] = deque()
        with ThreadPoolExecutor(self.workers) as pool:
            for start, stop in asked.blocks(min(self.block, _CELLS // len(asked.queries))):
                waiting.append(pool.submit(read, start, stop))
                if len(waiting) > self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


class _Kept:
    """The `most` best pairs of each query so far, on the device, and those that wait to be."""

    def __init__(self, torch: Any, queries: int, most: int, device: str) -> None:
        self._torch, self._most, self._queries = torch, most, queries
        self._limit = 4 * most * queries
        none = torch.empty(0, dtype=torch.int64, device=device)
        self._parts = [(none, none, torch.empty(0, device=device))]
        self._held = 0
        lowest = torch.finfo(torch.float32).min  # a pair that is shut has less
        self._bar = torch.full((queries,), lowest, device=device)

    def add(self, cells: Any, start: int) -> None:
        """Take what reaches the bar of float32[q, b] products of a block."""
        query, column = self._torch.nonzero(cells >= self._bar[:, None], as_tuple=True)
        self._parts.append((query, column + start, cells[query, column]))
        self._held += len(query)
        if self._held > self._limit or start == 0:
            self.best()

    def best(self) -> tuple[Any, Any, Any]:
        """Query, document and product of the best, by query, best first."""
        torch = self._torch
        query, doc, product = (torch.cat(each) for each in zip(*self._parts, strict=True))
        order = torch.argsort(product, descending=True)
        order = order[torch.argsort(query[order], stable=True)]
        query, doc, product = query[order], doc[order], product[order]
        sizes = torch.bincount(query, minlength=self._queries)
        first = torch.cumsum(sizes, 0) - sizes
        near = torch.arange(len(query), device=query.device) - first[query] < self._most
        self._parts = [(query[near], doc[near], product[near])]
        self._held = len(self._parts[0][0])
        full = torch.nonzero(sizes >= self._most)[:, 0]
        self._bar[full] = product[first[full] + self._most - 1]
        return self._parts[0]

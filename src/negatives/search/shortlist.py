"""The pairs that may still be among the k best of their query, and the bar that rises with them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats, Places, Rows, places_within, starts_of
from negatives.search.product import Nominated

NO_DOC = np.uint32(0xFFFFFFFF)
"""Fills up the row of a query that has fewer than k documents to find; its score is -inf."""

_FEW = 4096  # pairs that are no burden, however few are wanted

Score = Callable[[Rows, Rows], Floats]


class Shortlist:
    """Nominated pairs of one batch of queries; several threads may add to it.

    `bar` (float32[q]): no pair that scores below it is among the k best; -inf at first. Pairs whose
    products are too near to each other to be told apart are scored, so that never much more than
    2 k pairs a query are held.
    """

    def __init__(self, queries: int, k: int, score: Score) -> None:
        self._k = k
        self._score = score
        self._most = max(2 * queries * k, _FEW)
        self._slack = np.zeros(queries, np.float32)
        self._query = np.empty(0, np.uint32)
        self._doc = np.empty(0, np.uint32)
        self._lowest = np.empty(0, np.float32)
        self._waiting: list[tuple[Rows, Rows, Floats]] = []
        self._held = 0
        self._lock = threading.Lock()
        self.bar: Floats = np.full(queries, -np.inf, np.float32)

    def add(self, found: Nominated, start: int) -> None:
        """Take what a block that begins at document `start` nominates."""
        pairs = (
            found.query.astype(np.uint32),
            (found.column + start).astype(np.uint32),
            found.lowest,
        )
        with self._lock:
            np.maximum(self._slack, found.slack, out=self._slack)
            self._waiting.append(pairs)
            self._held += len(found.query)
            if self._held > self._most:
                self._tighten()

    def best(self) -> tuple[Rows, Floats]:
        """(uint32[q, k], float32[q, k]): the best by their own scores, ties by row, `NO_DOC`."""
        self._tighten()
        self._settle()
        queries = len(self.bar)
        docs = np.full((queries, self._k), NO_DOC, np.uint32)
        scores = np.full((queries, self._k), -np.inf, np.float32)
        place = places(np.bincount(self._query, minlength=queries)) - 1
        docs[self._query, place] = self._doc
        scores[self._query, place] = self._lowest
        return docs, scores

    def _tighten(self) -> None:
        """Raise the bar to the k-th lowest score there is, and let go what is below."""
        parts = [(self._query, self._doc, self._lowest), *self._waiting]
        self._query, self._doc, self._lowest = (
            np.concatenate(each) for each in zip(*parts, strict=True)
        )
        self._waiting = []
        self.bar = np.maximum(self.bar, _kth(self._query, self._lowest, self._k, len(self.bar)))
        # Twice: a pair's lowest score is its product less the slack, its highest the product more.
        self._keep(self._lowest >= (self.bar - 2 * self._slack)[self._query])
        if self._held > self._most // 4 * 3:
            self._settle()

    def _settle(self) -> None:
        """Score what is held, and keep the k best of each query, best first."""
        self._lowest = self._score(self._query, self._doc)
        order = np.lexsort((self._doc, -self._lowest, self._query))
        query = self._query[order]
        self._keep(order[places(np.bincount(query, minlength=len(self.bar))) <= self._k])
        self.bar = np.maximum(self.bar, _kth(self._query, self._lowest, self._k, len(self.bar)))

    def _keep(self, chosen: NDArray[np.bool_] | Places) -> None:
        self._query, self._doc = self._query[chosen], self._doc[chosen]
        self._lowest = self._lowest[chosen]
        self._held = len(self._query)


def _kth(query: Rows, score: Floats, k: int, queries: int) -> Floats:
    """float32[q]: each query's k-th highest score, -inf where it has fewer."""
    key = query.astype(np.uint64) << np.uint64(32)
    key |= _descending(score)
    key.sort()
    sizes = np.bincount(query, minlength=queries)
    full = np.flatnonzero(sizes >= k)
    kth = np.full(queries, -np.inf, np.float32)
    chosen = key[starts_of(sizes)[full] + k - 1]
    kth[full] = _ascending((chosen & np.uint64(0xFFFFFFFF)).astype(np.uint32))
    return kth


def _descending(scores: Floats) -> NDArray[np.uint32]:
    """uint32 keys that sort as the scores do, highest first: the order of IEEE bits, negated."""
    bits = scores.view(np.uint32)
    return ~np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _ascending(keys: NDArray[np.uint32]) -> Floats:
    """The scores that `_descending` made into keys."""
    bits = ~keys
    return np.where(bits >> 31, bits & np.uint32(0x7FFFFFFF), ~bits).view(np.float32)


def places(sizes: Places) -> NDArray[np.int32]:
    """1, 2, ... n for each n of `sizes`, concatenated."""
    return (places_within(sizes) + 1).astype(np.int32)

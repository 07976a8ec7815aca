"""Exact top-k by inner product, over vectors that lie in a file, in memory of a few blocks.

Blocks of documents are multiplied with a batch of queries (see `product`); what could be among the
k best is shortlisted and in the end scored pair by pair. Results therefore depend neither on blocks
and batches nor on threads, memory or device; ties go to the lower row.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from negatives.arrays import Bools, Floats, Rows
from negatives.search.product import Backend, Blas
from negatives.search.shortlist import NO_DOC, Shortlist
from negatives.store.vectors import read_block, read_rows

_PAIRS = 1024  # pairs scored at once: their vectors stay in a core's cache
_FIRST = 256  # documents in the first block: all are shortlisted, for there is no bar yet


@dataclass(frozen=True, slots=True)
class Excluded:
    """Pairs that are never found: query[i] (a row of the searched queries) with doc[i]."""

    query: Rows
    doc: Rows

    def of(self, first: int, last: int) -> Excluded:
        """Those of the queries first .. last - 1, numbered from 0, sorted by document."""
        chosen = np.flatnonzero((self.query >= first) & (self.query < last))
        chosen = chosen[np.argsort(self.doc[chosen], kind="stable")]
        return Excluded((self.query[chosen] - first).astype(np.uint32), self.doc[chosen])


NOTHING = Excluded(np.empty(0, np.uint32), np.empty(0, np.uint32))


def top_k(
    queries: Floats,
    docs: Floats,
    k: int,
    *,
    banned: Rows | None = None,
    excluded: Excluded = NOTHING,
    backend: Backend | None = None,
    memory: int = 256 * 2**20,
) -> tuple[Rows, Floats]:
    """The `k` docs with the highest inner product for each query, best first.

    queries: float32[q, d]; docs: float32[n, d], possibly memory-mapped; banned: rows of docs that
    are never returned, excluded: pairs that are not. Returns (uint32[q, k'], float32[q, k']) with
    k' = min(k, allowed docs); a query with fewer to find ends in `NO_DOC` at -inf. `backend` (numpy
    on one thread) and `memory` (bytes, beyond the result) change nothing but the time it takes.
    """
    backend = backend or Blas()
    allowed = np.ones(len(docs), bool)
    if banned is not None:
        allowed[banned] = False
    k = min(k, int(allowed.sum()))
    found = np.full((len(queries), k), NO_DOC, np.uint32)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    if k == 0:
        return found, scores
    # A cell and its mask take 5 bytes for each worker; of a shortlisted pair copies are sorted.
    size = memory // (5 * backend.block * backend.workers + 100 * k)
    size = int(np.clip(size, 16, backend.batch))
    for start in range(0, len(queries), size):
        part = slice(start, min(start + size, len(queries)))
        found[part], scores[part] = _search(
            queries[part], docs, k, allowed, excluded.of(part.start, part.stop), backend
        )
    return found, scores


def pair_scores(queries: Floats, docs: Floats, query: Rows, doc: Rows) -> Floats:
    """float32[n]: inner product of queries[query[i]] and docs[doc[i]], each computed on its own."""
    scores = np.empty(len(query), np.float32)
    order = np.argsort(doc, kind="stable")  # so that a file is read from its beginning to its end
    mine, theirs = (np.empty((_PAIRS, docs.shape[1]), np.float32) for _ in range(2))
    for start in range(0, len(order), _PAIRS):
        part = order[start : start + _PAIRS]
        left, right = mine[: len(part)], theirs[: len(part)]
        np.take(queries, query[part], axis=0, out=left, mode="clip")
        wanted, place = np.unique(doc[part], return_inverse=True)
        np.take(read_rows(docs, wanted), place, axis=0, out=right, mode="clip")
        scores[part] = np.einsum("nd,nd->n", left, right)
    return scores


def _search(
    queries: Floats, docs: Floats, k: int, allowed: Bools, excluded: Excluded, backend: Backend
) -> tuple[Rows, Floats]:
    """(uint32[q, k], float32[q, k]) of one batch."""
    product = backend.open(queries)
    shortlist = Shortlist(len(queries), k, lambda q, d: pair_scores(queries, docs, q, d))
    blocks = _blocks(len(docs), max(_FIRST, 2 * k), backend.block)
    turn = threading.Lock()

    def work(_: int) -> None:
        space = np.empty((min(backend.block, len(docs)), docs.shape[1]), np.float32)
        while True:
            with turn:
                start, stop = next(blocks, (0, 0))
            if start == stop:
                return
            block = read_block(docs, start, stop, space)
            at, end = np.searchsorted(excluded.doc, (start, stop))
            query = excluded.query[at:end].astype(np.int64)
            column = excluded.doc[at:end].astype(np.int64) - start
            shut = np.flatnonzero(~allowed[start:stop])
            if len(shut):
                query = np.concatenate([query, np.repeat(np.arange(len(queries)), len(shut))])
                column = np.concatenate([column, np.tile(shut, len(queries))])
            found = product.above(block, shortlist.bar, query, column)
            shortlist.add(found, start)

    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(backend.workers) as pool:
        list(pool.map(work, range(backend.workers)))
    return shortlist.best()


def _blocks(docs: int, first: int, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of documents that grow as the bar rises: each shortlists about k more of a query."""
    start, first = 0, min(first, most)
    while start < docs:
        stop = min(start + min(max(start, first), most), docs)
        yield start, stop
        start = stop

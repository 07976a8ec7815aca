"""Exact top-k by inner product, over vectors that lie in a file, in memory of a few blocks.

A backend shortlists what could be among the k best of a batch of queries, on processors (see
`by_blocks`) or a GPU (`on_device`); in the end that is scored pair by pair. Results therefore
depend neither on blocks and batches nor on threads, memory or device; ties go to the lower row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from negatives.arrays import Floats, Rows
from negatives.search.backend import Asked, Backend
from negatives.search.blas import Blas
from negatives.search.excluded import NOTHING, Excluded
from negatives.search.shortlist import NO_DOC, Shortlist
from negatives.store.vectors import read_rows

_PAIRS = 1024  # pairs scored at once: their vectors stay in a core's cache


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
    left = np.arange(len(queries), dtype=np.uint32)
    workers = backend.workers
    for by in (backend, Blas(workers=workers)):  # what the first leaves undone, the other does
        undone = [NOTHING.query]
        size = by.at_once(k, memory)
        for start in range(0, len(left), size):
            part = left[start : start + size]
            asked = Asked(queries[part], docs, k, allowed, excluded.among(part))
            score = partial(pair_scores, asked.queries, docs, workers=workers)
            shortlist = Shortlist(len(part), k, score)
            done = by.nominate(asked, shortlist)
            found[part[done]], scores[part[done]] = (each[done] for each in shortlist.best())
            undone.append(part[~done])
        left = np.concatenate(undone)
    return found, scores


def pair_scores(
    queries: Floats, docs: Floats, query: Rows, doc: Rows, *, workers: int = 1
) -> Floats:
    """float32[n]: inner product of queries[query[i]] and docs[doc[i]], each computed on its own."""
    scores = np.empty(len(query), np.float32)
    order = np.argsort(doc, kind="stable")  # so that a file is read from its beginning to its end

    def score(first: int) -> None:
        mine, theirs = (np.empty((_PAIRS, docs.shape[1]), np.float32) for _ in range(2))
        for start in range(first, len(order), _PAIRS * workers):
            part = order[start : start + _PAIRS]
            left, right = mine[: len(part)], theirs[: len(part)]
            np.take(queries, query[part], axis=0, out=left, mode="clip")
            wanted, place = np.unique(doc[part], return_inverse=True)
            np.take(read_rows(docs, wanted), place, axis=0, out=right, mode="clip")
            scores[part] = np.einsum("nd,nd->n", left, right)

    if workers == 1 or len(order) <= _PAIRS:
        score(0)
        return scores
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(score, range(0, _PAIRS * workers, _PAIRS)))
    return scores

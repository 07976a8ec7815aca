"""Exact top-k by inner product: blocked matrix products and a running threshold.

Memory is a few blocks for each thread, whatever the size of the corpus or the number of queries. A
matrix product only nominates: whatever could be among the k best is scored again pair by pair, so
results depend neither on the block sizes nor on the number of threads; ties go to the lower row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from negatives.schema import Bools, Floats, Rows
from negatives.store.vectors import Halves, read_block

_BLOCK = 2048  # documents in a matrix product; larger ones are no faster and hold more memory
_BATCH = 2048  # queries in one, at most; eleven bits of the sort key in `_merge`
_PAIRS = 4096  # pairs scored at once
_ROUNDING = 1e-6  # of a float32 product, times sqrt(width): far above what is seen, far below a gap


def top_k(
    queries: Halves,
    docs: Halves,
    k: int,
    *,
    banned: Rows | None = None,
    threads: int = 1,
    memory: int = 256 * 2**20,
) -> tuple[Rows, Floats]:
    """The `k` docs with the highest inner product for each query, best first.

    queries: float16[q, d]; docs: float16[n, d], possibly memory-mapped; banned: rows of docs that
    are never returned. Returns (uint32[q, k'], float32[q, k']) with k' = min(k, allowed docs).
    """
    allowed = np.ones(len(docs), bool)
    if banned is not None:
        allowed[banned] = False
    k = min(k, int(allowed.sum()))
    if k == 0 or len(queries) == 0:
        return np.empty((len(queries), k), np.uint32), np.empty((len(queries), k), np.float32)
    # A score and its mask take 5 bytes a cell; what is kept of a query is merged in copies.
    batch = memory // (threads * (5 * _BLOCK + 48 * k))
    share = -(-len(queries) // threads)  # few queries are still shared out among the threads
    batch = int(np.clip(min(batch, share), 16, _BATCH))

    def one(start: int) -> tuple[Rows, Floats]:
        part = queries[start : start + batch].astype(np.float32)
        return _best(part, docs, k, None if allowed.all() else allowed)

    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(one, range(0, len(queries), batch)))
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([s for _, s in parts])


def pair_scores(queries: Halves, docs: Halves, query: Rows, doc: Rows) -> Floats:
    """float32[n]: inner product of queries[query[i]] and docs[doc[i]], each computed on its own."""
    scores = np.empty(len(query), np.float32)
    for start in range(0, len(query), _PAIRS):
        part = slice(start, start + _PAIRS)
        left = queries[query[part]].astype(np.float32)
        np.einsum("nd,nd->n", left, docs[doc[part]].astype(np.float32), out=scores[part])
    return scores


def _best(queries: Floats, docs: Halves, k: int, allowed: Bools | None) -> tuple[Rows, Floats]:
    """(uint32[q, k], float32[q, k]): the best k of each query, by their own pairwise scores."""
    count = len(queries)
    rows = np.zeros((count, k), np.uint32)
    scores = np.full((count, k), -np.inf, np.float32)
    lengths = np.linalg.norm(queries, axis=1) * np.float32(_ROUNDING * queries.shape[1] ** 0.5)
    product = np.empty((count, _BLOCK), np.float32)
    for start in range(0, len(docs), _BLOCK):
        block = read_block(docs, start, start + _BLOCK)
        cells = np.matmul(queries, block.T, out=product if len(block) == _BLOCK else None)
        if allowed is not None:
            cells[:, ~allowed[start : start + _BLOCK]] = -np.inf
        bar = scores[:, -1:]
        if start == 0 and len(block) > k:
            # Nothing to compare with yet: the k-th best of this block is the first bar.
            bar = np.partition(cells, len(block) - k, axis=1)[:, len(block) - k, None]
        slack = lengths * np.linalg.norm(block, axis=1).max()
        bar = np.maximum(bar - slack[:, None], np.finfo(np.float32).min)
        query, column = np.divmod(np.flatnonzero(cells >= bar), len(block))
        if len(query):
            exact = _scored(queries, block, query, column)
            _merge(rows, scores, query, (column + start).astype(np.uint32), exact)
    return rows, scores


def _scored(
    queries: Floats, block: Floats, query: NDArray[np.int64], column: NDArray[np.int64]
) -> Floats:
    """float32[n]: as `pair_scores`, of what is already in memory."""
    scores = np.empty(len(query), np.float32)
    for start in range(0, len(query), _PAIRS):
        part = slice(start, start + _PAIRS)
        np.einsum("nd,nd->n", queries[query[part]], block[column[part]], out=scores[part])
    return scores


def _merge(
    best_rows: Rows, best_scores: Floats, query: NDArray[np.int64], doc: Rows, score: Floats
) -> None:
    """Merge hits (sorted by query, then doc) into the best k of each query, best first, in place.

    One sort of 64-bit keys: query (11 bits), descending score (32), place (21). Places run first
    over what was kept, then over the hits, so that equal scores keep the lower row.
    """
    count, k = best_rows.shape
    step = max(1, min(count, (1 << 21) // (k + _BLOCK)))
    bounds = np.searchsorted(query, np.arange(0, count + step, step))
    for at, first in enumerate(range(0, count, step)):
        last = min(first + step, count)
        new = slice(bounds[at], bounds[at + 1])
        owner = np.concatenate([np.repeat(np.arange(last - first), k), query[new] - first])
        scores = np.concatenate([best_scores[first:last].ravel(), score[new]])
        rows = np.concatenate([best_rows[first:last].ravel(), doc[new]])
        key = owner.astype(np.uint64) << np.uint64(53)
        key |= _descending(scores).astype(np.uint64) << np.uint64(21)
        key |= np.arange(len(owner), dtype=np.uint64)
        key.sort()
        sizes = np.bincount(owner, minlength=last - first)
        places = ((np.cumsum(sizes) - sizes)[:, None] + np.arange(k)).ravel()
        chosen = (key[places] & np.uint64((1 << 21) - 1)).astype(np.int64)
        best_rows[first:last] = rows[chosen].reshape(-1, k)
        best_scores[first:last] = scores[chosen].reshape(-1, k)


def _descending(scores: Floats) -> NDArray[np.uint32]:
    """uint32 keys that sort as the scores do, highest first: the order of IEEE bits, negated."""
    bits = (scores + np.float32(0)).view(np.uint32)  # + 0 turns -0.0 into 0.0
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return ~ascending

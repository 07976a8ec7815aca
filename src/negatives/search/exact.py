"""Exact top-k by inner product: blocked matrix products and a running threshold.

Memory is two blocks for each thread, whatever the size of the corpus or the number of queries.
Candidates are collected with a little to spare and scored again one pair at a time. Where rounding
in the products could still hide one of the best (many documents alike), every document that comes
near is scored again. So results depend neither on the block sizes nor on the number of threads;
ties go to the lower row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from negatives.schema import Floats, Rows
from negatives.store.vectors import Halves

_SPARE = 16
_FEW = 128  # queries at a time in the second pass, where most of a block may be near
_MAX_BATCH = 1024  # ten bits of the sort key; see `_merge`
_BLOCK = 8192
_PAIRS = 1 << 15

Bools = NDArray[np.bool_]


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
    total = int(allowed.sum())
    wide = min(k + k // 8 + _SPARE, total)
    # Per thread: a score block and its mask, 5 bytes a cell; twice k pending hits a query.
    batch = memory // (threads * (5 * _BLOCK + 48 * wide))
    batch = int(np.clip(batch, 16, _MAX_BATCH))
    starts = range(0, len(queries), batch)
    mask = None if total == len(docs) else allowed

    def one(start: int) -> tuple[Rows, Floats]:
        part = queries[start : start + batch].astype(np.float32)
        collected, left_out, longest = _collect(part, docs, wide, mask)
        rows, scores = _rescore(part, docs, collected, k)
        if wide == total:
            return rows, scores
        error = _rounding(part, longest)
        unsure = np.flatnonzero(left_out + error >= scores[:, -1])
        for at in range(0, len(unsure), _FEW):
            few = unsure[at : at + _FEW]
            cut = scores[few, -1] - error[few]
            rows[few], scores[few] = _near(part[few], docs, k, mask, cut)
        return rows, scores

    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(one, starts))
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([s for _, s in parts])


def pair_scores(queries: Halves | Floats, docs: Halves, query: Rows, doc: Rows) -> Floats:
    """float32[n]: inner product of queries[query[i]] and docs[doc[i]], each computed on its own."""
    scores = np.empty(len(query), np.float32)
    for start in range(0, len(query), _PAIRS):
        part = slice(start, start + _PAIRS)
        left = queries[query[part]].astype(np.float32, copy=False)
        right = docs[doc[part]].astype(np.float32)
        np.einsum("nd,nd->n", left, right, out=scores[part])
    return scores


def _collect(
    queries: Floats, docs: Halves, k: int, allowed: Bools | None
) -> tuple[Rows, Floats, float]:
    """For each query its k best rows by matrix product, in no particular order: uint32[q, k].

    Also float32[q], the product that no row left out exceeds, and the longest document's norm.
    """
    count = len(queries)
    best_rows = np.zeros((count, k), np.uint32)
    best_scores = np.full((count, k), -np.inf, np.float32)
    threshold = np.full((count, 1), -np.inf, np.float32)
    longest = 0.0
    for start in range(0, len(docs), _BLOCK):
        block = docs[start : start + _BLOCK].astype(np.float32)
        longest = max(longest, float(np.einsum("nd,nd->n", block, block).max()) ** 0.5)
        scores = queries @ block.T
        if allowed is not None:
            scores[:, ~allowed[start : start + _BLOCK]] = -np.inf
        if start == 0 and scores.shape[1] > 4 * k:
            # Nothing to compare with yet: the k-th best of this block is the first threshold.
            place = scores.shape[1] - k
            threshold = np.partition(scores, place, axis=1)[:, place, None]
            hits = np.flatnonzero(scores >= threshold)
        else:
            hits = np.flatnonzero(scores > threshold)
        if len(hits) == 0:
            continue
        query, column = np.divmod(hits, scores.shape[1])
        _merge(best_rows, best_scores, query, column + start, scores.ravel()[hits])
        threshold = best_scores.min(axis=1, keepdims=True)
    return best_rows, threshold[:, 0], longest


def _rounding(queries: Floats, longest: float) -> NDArray[np.float64]:
    """float64[q]: how far two ways of summing one inner product can lie apart, at most.

    Each lies within d u |q| |doc| of the truth, u = 2^-24 (Higham, 2002, section 3.1).
    """
    lengths = np.sqrt(np.einsum("qd,qd->q", queries, queries, dtype=np.float64))
    error: NDArray[np.float64] = 2.02 * queries.shape[1] * 2.0**-24 * longest * lengths
    return error


def _near(
    queries: Floats, docs: Halves, k: int, allowed: Bools | None, cut: NDArray[np.float64]
) -> tuple[Rows, Floats]:
    """The k best rows, best first, of those whose product reaches `cut`, by pairwise scores."""
    best_rows = np.zeros((len(queries), k), np.uint32)
    best_scores = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(docs), _BLOCK):
        near = queries @ docs[start : start + _BLOCK].astype(np.float32).T >= cut[:, None]
        if allowed is not None:
            near &= allowed[start : start + _BLOCK]
        query, column = np.nonzero(near)
        doc = column + start
        scores = pair_scores(queries, docs, query.astype(np.uint32), doc.astype(np.uint32))
        _merge(best_rows, best_scores, query, doc, scores)
    return best_rows, best_scores


def _merge(
    best_rows: Rows,
    best_scores: Floats,
    query: NDArray[np.int64],
    doc: NDArray[np.int64],
    score: Floats,
) -> None:
    """Merge hits (sorted by query, then doc) into the best k of each query, in place.

    One sort of 64-bit keys: query (10 bits), descending score (32), place (22). Places run first
    over what was kept, then over the hits, so that equal scores keep the lower row.
    """
    count, k = best_rows.shape
    step = max(1, min(count, (1 << 22) // (k + _BLOCK)))
    bounds = np.searchsorted(query, np.arange(0, count + step, step))
    for at, first in enumerate(range(0, count, step)):
        last = min(first + step, count)
        new = slice(bounds[at], bounds[at + 1])
        owner = np.concatenate([np.repeat(np.arange(first, last), k), query[new]])
        scores = np.concatenate([best_scores[first:last].ravel(), score[new]])
        rows = np.concatenate([best_rows[first:last].ravel(), doc[new].astype(np.uint32)])
        key = owner.astype(np.uint64) << np.uint64(54)
        key |= _descending(scores).astype(np.uint64) << np.uint64(22)
        key |= np.arange(len(owner), dtype=np.uint64)
        key.sort()
        sizes = np.bincount(owner - first, minlength=last - first)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        places = (starts[:, None] + np.arange(k)).ravel()
        chosen = (key[places] & np.uint64((1 << 22) - 1)).astype(np.int64)
        best_rows[first:last] = rows[chosen].reshape(-1, k)
        best_scores[first:last] = scores[chosen].reshape(-1, k)


def _descending(scores: Floats) -> NDArray[np.uint32]:
    """uint32 keys that sort as the scores do, highest first: the order of IEEE bits, negated."""
    bits = (scores + np.float32(0)).view(np.uint32)  # + 0 turns -0.0 into 0.0
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return ~ascending


def _rescore(queries: Floats, docs: Halves, rows: Rows, k: int) -> tuple[Rows, Floats]:
    """The k best of the collected rows by their own pairwise scores; ties by row."""
    count, wide = rows.shape
    query = np.repeat(np.arange(count, dtype=np.uint32), wide)
    scores = pair_scores(queries, docs, query, rows.ravel()).reshape(count, wide)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)

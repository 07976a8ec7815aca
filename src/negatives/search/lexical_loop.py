"""The search and the scores of `lexical`, compiled by numba.

Documents are taken a window at a time, so that their scores stay in the cache while the words of a
query are added up, always in the same order, and only what comes near the best so far is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from negatives.arrays import Floats, Ragged
from negatives.compiling import compiled
from negatives.search.lexical_index import Asked, FoundDocs, LexicalIndex

_WINDOW = 1 << 16  # documents; their scores, float32, fill half of a small second-level cache
_BLOCK = 64  # documents of which only the best is compared at first


@cache
def compiled_search(
    window: int = _WINDOW,
) -> Callable[[LexicalIndex, int, tuple[Asked, Ragged[np.uint32]]], FoundDocs]:
    """search(index, top, part): as `best_docs`, of one part of the queries; lets threads run.

    `window`: documents whose scores are added up together.
    """
    kernel = compiled(_search)

    def search(index: LexicalIndex, top: int, part: tuple[Asked, Ragged[np.uint32]]) -> FoundDocs:
        asked, banned = part
        top = min(top, index.size)
        docs = np.empty((len(asked), top), np.uint32)
        scores = np.empty((len(asked), top), np.float32)
        counts = np.zeros(len(asked), np.int64)
        kernel(
            index.starts, index.docs, index.weights, index.size,
            asked.words.starts, asked.words.values, asked.times, banned.starts, banned.values,
            min(window, index.size), docs, scores, counts,
        )  # fmt: skip
        kept = np.arange(top) < counts[:, None]
        return counts, docs[kept], scores[kept]

    return search


@cache
def compiled_scores() -> Callable[[LexicalIndex, Asked, Ragged[np.uint32], Floats], None]:
    """scores(index, asked, pairs, out): as `score_pairs`, added to what is in `out`."""
    kernel = compiled(_score)

    def score(index: LexicalIndex, asked: Asked, pairs: Ragged[np.uint32], out: Floats) -> None:
        kernel(
            index.starts, index.docs, index.weights,
            asked.words.starts, asked.words.values, asked.times, pairs.starts, pairs.values, out,
        )  # fmt: skip

    return score


def _score(
    starts: Any, docs: Any, weights: Any,
    asked: Any, words: Any, times: Any, pairs: Any, wanted: Any, out: Any,
) -> None:  # fmt: skip
    """Add to `out`, word by word; both the postings and the wanted documents of a query ascend."""
    for query in range(len(asked) - 1):
        first, last = pairs[query], pairs[query + 1]
        for i in range(asked[query], asked[query + 1]):
            at, stop = starts[words[i]], starts[words[i] + 1]
            for j in range(first, last):
                doc = wanted[j]
                step = 1  # gallop: what is wanted may be far apart, or near
                while at + step < stop and docs[at + step] < doc:
                    at += step
                    step *= 2
                high = min(at + step, stop)
                while at < high:
                    middle = (at + high) // 2
                    if docs[middle] < doc:
                        at = middle + 1
                    else:
                        high = middle
                if at == stop:
                    break
                if docs[at] == doc:
                    out[j] += times[i] * weights[at]


def _search(
    starts: Any, docs: Any, weights: Any, size: int,
    asked: Any, words: Any, times: Any, banned: Any, banned_docs: Any,
    window: int, out_docs: Any, out_scores: Any, out_counts: Any,
) -> None:  # fmt: skip
    """Fill the outputs for each query; plain loops, readable by numba.

    `heap` holds the best so far, the worst of them first, as numbers that sort as (score, lower
    row) do: the bits of the score, then those of the row turned over. 0 stands for nothing yet.
    """
    top = out_docs.shape[1]
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    heap = np.empty(top, np.uint64)
    window = -(-window // _BLOCK) * _BLOCK
    sums = np.zeros(window, np.float32)
    bits = sums.view(np.int32)  # floats from 0 up sort as their bits, which are faster to compare
    out_bits = out_scores.view(np.uint32)
    for query in range(len(asked) - 1):
        first, last = asked[query], asked[query + 1]
        cursor = starts[words[first:last]]
        ban, ban_stop = banned[query], banned[query + 1]
        heap[:] = 0
        bar = np.int32(1)  # bits of the lowest score that could still be among the best
        for base in range(0, size, window):
            end = min(base + window, size)
            for i in range(last - first):
                many, stop = times[first + i], starts[words[first + i] + 1]
                p = cursor[i]
                while p < stop and docs[p] < end:
                    sums[docs[p] - np.uint64(base)] += many * weights[p]
                    p += 1
                cursor[i] = p
            while ban < ban_stop and banned_docs[ban] < end:
                sums[banned_docs[ban] - np.uint64(base)] = 0
                ban += 1
            for block in range(0, end - base, _BLOCK):
                peak = np.int32(0)
                for j in range(block, block + _BLOCK):
                    peak = max(peak, bits[j])
                if peak < bar:
                    continue
                for j in range(block, block + _BLOCK):
                    if bits[j] < bar:
                        continue
                    key = (np.uint64(bits[j]) << half) | (low - np.uint64(base + j))
                    if key < heap[0]:
                        continue
                    at = 0
                    while 2 * at + 1 < top:
                        child = 2 * at + 1
                        if child + 1 < top and heap[child + 1] < heap[child]:
                            child += 1
                        if heap[child] >= key:
                            break
                        heap[at] = heap[child]
                        at = child
                    heap[at] = key
                    bar = max(np.int32(heap[0] >> half), np.int32(1))
            sums[: end - base] = 0
        heap.sort()
        held = 0
        while held < top and heap[top - 1 - held] > 0:
            key = heap[top - 1 - held]
            out_bits[query, held] = np.uint32(key >> half)
            out_docs[query, held] = np.uint32(low - (key & low))
            held += 1
        out_counts[query] = held

"""Exact lexical search: the best documents of each query in a memory-mapped index of weights.

A score is a float32 sum over the query's words, always added in the order of the words' numbers, so
that a pair has one score to the bit, however it was come by: by numpy or by the compiled kernel, in
threads or in processes, in a ranking or on its own. Ties go to the lower row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from negatives.arrays import Floats, Ragged
from negatives.compiling import Engine, Paid, to_compile
from negatives.search.lexical_index import Asked, FoundDocs, LexicalIndex
from negatives.workers import share_out

_SEARCHED = Paid(60_000_000)  # work: less is done before a compiler has started
_SCORED = Paid(300_000)  # pairs: so are fewer
_PROCESSES = 400_000_000  # work: less is done before other processes have started
_PART = 64  # queries a thread or process takes at a time
_BLOCK = 64  # documents of which only the best is compared at first


def best_docs(
    index: LexicalIndex,
    asked: Asked,
    banned: Ragged[np.uint32],
    top: int,
    *,
    threads: int = 1,
    of: int = 0,
) -> FoundDocs:
    """The `top` documents of each query with a score above 0, best first, `banned` ones left out.

    Much work is compiled by numba, where it is installed, and done in threads; without it much work
    is shared out over processes, which map the one index. Neither changes a bit of the result.
    `of`: queries that will be asked altogether, these included, where that is known.
    """
    work = index.work(asked)
    cuts = [*range(0, len(asked), _PART), len(asked)]
    parts = [(asked.part(first, last), banned.part(first, last)) for first, last in pairwise(cuts)]
    by_numpy = partial(_by_numpy, index.folder, index.size, top)
    search: Callable[[tuple[Asked, Ragged[np.uint32]]], FoundDocs] = by_numpy
    if to_compile(worthwhile=_SEARCHED.off(work, work * _more(asked, of))):
        from negatives.search.lexical_loop import compiled_search

        search = partial(compiled_search(), index, top)
    elif work >= _PROCESSES:
        return joined(share_out(by_numpy, parts, min(threads, len(parts))))
    with ThreadPoolExecutor(threads) as pool:
        return joined(pool.map(search, parts))


def joined(parts: Iterable[FoundDocs]) -> FoundDocs:
    """What was found for consecutive parts of the queries, as one."""
    nothing = np.empty(0, np.int64), np.empty(0, np.uint32), np.empty(0, np.float32)
    counts, docs, scores = zip(nothing, *parts, strict=True)
    return np.concatenate(counts), np.concatenate(docs), np.concatenate(scores)


def score_pairs(
    index: LexicalIndex,
    asked: Asked,
    pairs: Ragged[np.uint32],
    engine: Engine = "auto",
    *,
    of: int = 0,
) -> Floats:
    """float32[n]: the score of each query with each of its documents in `pairs`; 0: no word.

    The documents of a query must ascend. `of` is as for `best_docs`.
    """
    scores = np.zeros(len(pairs.values), np.float32)
    foreseen = len(scores) * _more(asked, of)
    if to_compile(engine, worthwhile=_SCORED.off(len(scores), foreseen)):
        from negatives.search.lexical_loop import compiled_scores

        compiled_scores()(index, asked, pairs, scores)
        return scores
    for query in np.flatnonzero(pairs.lengths).tolist():
        part, docs = scores[pairs.starts[query] : pairs.starts[query + 1]], pairs[query]
        for word, times in asked.of(query):
            low, high = index.starts[word], index.starts[word + 1]
            places = np.searchsorted(index.docs[low:high], docs)
            places = np.minimum(places, high - low - 1) + low
            hit = index.docs[places] == docs
            part[hit] += times * index.weights[places[hit]]
    return scores


def _more(asked: Asked, of: int) -> float:
    """How many times these queries will be asked altogether; 0 where that is not known."""
    return of / max(len(asked), 1)


@lru_cache(maxsize=1)
def _opened(folder: Path, size: int) -> LexicalIndex:
    return LexicalIndex(folder, size)


def _by_numpy(
    folder: Path, size: int, top: int, part: tuple[Asked, Ragged[np.uint32]]
) -> FoundDocs:
    """The best of each query of a part, by adding up every posting of its words."""
    (asked, banned), index = part, _opened(folder, size)
    padded = np.zeros(-(-size // _BLOCK) * _BLOCK, np.float32)
    found = []
    for query in range(len(asked)):
        padded[:] = 0
        for word, times in asked.of(query):
            low, high = index.starts[word], index.starts[word + 1]
            weights = index.weights[low:high]
            padded[index.docs[low:high]] += weights if times == 1 else times * weights
        padded[banned[query]] = 0
        found.append(_best(padded, top))
    return joined(found)


def _best(padded: Floats, top: int) -> FoundDocs:
    """The best of scores: float32[docs], a multiple of `_BLOCK` of them."""
    bar = np.nextafter(np.float32(0), np.float32(1))
    peaks = padded.reshape(-1, _BLOCK).max(axis=1)
    if len(peaks) > top:  # the best documents are at least as good as the best blocks' best
        bar = max(bar, np.partition(peaks, len(peaks) - top)[len(peaks) - top])
    rows = np.flatnonzero(padded >= bar)
    rows = rows[np.argsort(-padded[rows], kind="stable")[:top]]
    return np.array([len(rows)]), rows.astype(np.uint32), padded[rows]

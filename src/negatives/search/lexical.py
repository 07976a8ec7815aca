"""Exact lexical search: the best documents of each query in a memory-mapped index of weights.

A score is a float32 sum over the query's words, always added in the order of the words' numbers, so
that a pair has one score to the bit, however it was come by: by numpy or by the compiled kernel, in
threads or in processes, in a ranking or on its own. Ties go to the lower row.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.schema import Floats, Rows
from negatives.search.postings import DOCS, STARTS, WEIGHTS, WORDS, Ints
from negatives.search.words import Words
from negatives.store.headers import open_array
from negatives.workers import share_out

_COMPILE = 200_000_000  # work: less is done before a compiler has started
_PROCESSES = 400_000_000  # work: less is done before other processes have started
_PART = 256  # queries a thread or process takes at a time
_BLOCK = 64  # documents of which only the best is compared at first
_AT_ONCE = 4096  # queries whose words are strings at one time

Found = tuple[Ints, Rows, Floats]
"""Best documents of queries: how many of each (int64[q]), rows and scores, one after another."""


@dataclass(frozen=True)
class Lists:
    """Ascending numbers for each of several queries: `values[starts[q]:starts[q + 1]]`."""

    starts: Ints
    values: NDArray[np.uint32]

    def __getitem__(self, query: int) -> NDArray[np.uint32]:
        return self.values[self.starts[query] : self.starts[query + 1]]

    def part(self, first: int, last: int) -> Lists:
        """Those of the queries `first` to `last`."""
        low, high = self.starts[first], self.starts[last]
        return Lists(self.starts[first : last + 1] - low, self.values[low:high])


@dataclass(frozen=True)
class Asked:
    """The known words of some queries, and how often each is asked for (float32)."""

    words: Lists
    times: Floats

    def __len__(self) -> int:
        return len(self.words.starts) - 1

    def part(self, first: int, last: int) -> Asked:
        """The queries `first` to `last`."""
        low, high = self.words.starts[first], self.words.starts[last]
        return Asked(self.words.part(first, last), self.times[low:high])

    def of(self, query: int) -> Iterator[tuple[int, np.float32]]:
        """(word, times) of a query, words ascending."""
        low, high = self.words.starts[query], self.words.starts[query + 1]
        return zip(self.words[query].tolist(), self.times[low:high], strict=True)


@dataclass(frozen=True)
class LexicalIndex:
    """What `build_postings` wrote, mapped: any number of processes share one copy in memory."""

    folder: Path
    size: int  # documents

    @cached_property
    def starts(self) -> Ints:
        """int64[words + 1]: where each word's documents start."""
        return self._mapped(STARTS)

    @cached_property
    def docs(self) -> Rows:
        """uint32[postings]: documents that have the word, ascending."""
        return self._mapped(DOCS)

    @cached_property
    def weights(self) -> Floats:
        """float32[postings]: what the word adds to the document's score."""
        return self._mapped(WEIGHTS)

    @cached_property
    def number(self) -> dict[str, int]:
        """The number of each word."""
        words = (self.folder / WORDS).read_text("utf-8").split("\n")[:-1]
        return dict(zip(words, range(len(words)), strict=True))

    def _mapped(self, name: str) -> NDArray[Any]:
        # A plain view: slices of numpy's own class for mapped files are slow to make.
        return np.asarray(open_array(self.folder / name))

    def ask(self, texts: Sequence[str], words: Words) -> Asked:
        """The words of query texts, by number; those that no document has are left out."""
        counts, numbers, times = [], [], []
        for start in range(0, len(texts), _AT_ONCE):
            some = texts[start : start + _AT_ONCE]
            found, word, query, many = words.counted(some)
            number = np.array([self.number.get(each, -1) for each in found], np.int64)[word]
            kept = np.flatnonzero(number >= 0)
            order = kept[np.lexsort((number[kept], query[kept]))]
            counts.append(np.bincount(query[order], minlength=len(some)))
            numbers.append(number[order].astype(np.uint32))
            times.append(many[order].astype(np.float32))
        starts = np.cumsum(np.concatenate([[0], *counts]), dtype=np.int64)
        empty = np.empty(0, np.uint32)
        values = np.concatenate([empty, *numbers])
        return Asked(Lists(starts, values), np.concatenate([np.empty(0, np.float32), *times]))

    def work(self, asked: Asked) -> int:
        """What scoring everything takes, in postings; to start on a document takes an eighth."""
        words = asked.words.values.astype(np.int64)
        postings = int((self.starts[words + 1] - self.starts[words]).sum())
        return postings + len(asked) * self.size // 8


def best_docs(
    index: LexicalIndex, asked: Asked, banned: Lists, top: int, *, threads: int = 1
) -> Found:
    """The `top` documents of each query with a score above 0, best first, `banned` ones left out.

    Much work is compiled by numba, where it is installed, and done in threads; without it much work
    is shared out over processes, which map the one index. Neither changes a bit of the result.
    """
    work = index.work(asked)
    cuts = [*range(0, len(asked), _PART), len(asked)]
    parts = [(asked.part(first, last), banned.part(first, last)) for first, last in pairwise(cuts)]
    by_numpy = partial(_by_numpy, index.folder, index.size, top)
    if work < _COMPILE or not importlib.util.find_spec("numba"):
        if work >= _PROCESSES:
            return joined(share_out(by_numpy, parts, min(threads, len(parts))))
        search: Callable[[tuple[Asked, Lists]], Found] = by_numpy
    else:
        from negatives.search.compiled import compiled_search

        search = partial(compiled_search(), index, top)
    with ThreadPoolExecutor(threads) as pool:
        return joined(pool.map(search, parts))


def joined(parts: Iterable[Found]) -> Found:
    """What was found for consecutive parts of the queries, as one."""
    nothing = np.empty(0, np.int64), np.empty(0, np.uint32), np.empty(0, np.float32)
    counts, docs, scores = zip(nothing, *parts, strict=True)
    return np.concatenate(counts), np.concatenate(docs), np.concatenate(scores)


def score_pairs(index: LexicalIndex, asked: Asked, pairs: Lists) -> Floats:
    """float32[n]: the score of each query with each of its documents in `pairs`; 0: no word."""
    scores = np.zeros(len(pairs.values), np.float32)
    for query in np.flatnonzero(np.diff(pairs.starts)).tolist():
        part, docs = scores[pairs.starts[query] : pairs.starts[query + 1]], pairs[query]
        for word, times in asked.of(query):
            low, high = index.starts[word], index.starts[word + 1]
            places = np.searchsorted(index.docs[low:high], docs)
            places = np.minimum(places, high - low - 1) + low
            hit = index.docs[places] == docs
            part[hit] += times * index.weights[places[hit]]
    return scores


@lru_cache(maxsize=1)
def _opened(folder: Path, size: int) -> LexicalIndex:
    return LexicalIndex(folder, size)


def _by_numpy(folder: Path, size: int, top: int, part: tuple[Asked, Lists]) -> Found:
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


def _best(padded: Floats, top: int) -> Found:
    """The best of scores: float32[docs], a multiple of `_BLOCK` of them."""
    bar = np.nextafter(np.float32(0), np.float32(1))
    peaks = padded.reshape(-1, _BLOCK).max(axis=1)
    if len(peaks) > top:  # the best documents are at least as good as the best blocks' best
        bar = max(bar, np.partition(peaks, len(peaks) - top)[len(peaks) - top])
    rows = np.flatnonzero(padded >= bar)
    rows = rows[np.argsort(-padded[rows], kind="stable")[:top]]
    return np.array([len(rows)]), rows.astype(np.uint32), padded[rows]

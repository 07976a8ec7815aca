"""A memory-mapped index of the weights of words in documents, and what queries ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats, Places, Ragged, Rows, starts_of
from negatives.search.postings import DOCS, STARTS, WEIGHTS, WORDS
from negatives.search.words import Words
from negatives.store.mapped import open_array

_AT_ONCE = 4096  # queries whose words are strings at one time

FoundDocs = tuple[Places, Rows, Floats]
"""Best documents of queries: how many of each (int64[q]), rows and scores, one after another."""


@dataclass(frozen=True)
class Asked:
    """The known words of some queries, and how often each is asked for (float32)."""

    words: Ragged[np.uint32]
    times: Floats

    def __len__(self) -> int:
        return len(self.words)

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
    def starts(self) -> Places:
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
        starts = starts_of(np.concatenate([np.empty(0, np.int64), *counts]))
        values = np.concatenate([np.empty(0, np.uint32), *numbers])
        return Asked(Ragged(starts, values), np.concatenate([np.empty(0, np.float32), *times]))

    def work(self, asked: Asked) -> int:
        """What scoring everything takes, in postings; to start on a document takes an eighth."""
        words = asked.words.values.astype(np.int64)
        postings = int((self.starts[words + 1] - self.starts[words]).sum())
        return postings + len(asked) * self.size // 8

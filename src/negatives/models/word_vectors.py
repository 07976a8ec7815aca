"""Documents as weighted words, to say how alike two of them are without any model.

A document is the set of its normalised words, each weighted by its rarity (inverse document
frequency as in BM25), scaled to unit length; likeness is the cosine. Words are hashed into 2^20
buckets, so that no vocabulary is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Floats, Rows, starts_of
from negatives.compiling import Engine, Paid, compiled, to_compile
from negatives.store.atomic import writing
from negatives.store.mapped import open_array
from negatives.text.keys import shingles

BUCKETS = 1 << 20
_DOCS = 1024  # documents whose words are in memory at one time
_PAIRS = 1 << 11  # pairs compared at one time
_CELLS = 8  # of all with all, for each pair that is asked for: of more, pair by pair is faster
_COMPARED = Paid(500_000)  # pairs: fewer are compared before a compiler has started
_PARTS = ("words", "weights", "starts")


@dataclass(frozen=True, slots=True)
class WordVectors:
    """Words (int32) and weights (float32) of every document, `starts[d]` to `starts[d + 1]`."""

    words: NDArray[np.int32]
    weights: Floats
    starts: NDArray[np.int64]

    @staticmethod
    def open(folder: Path, texts: pl.Series) -> WordVectors:
        """Those of `texts`, made once in `folder` and then mapped."""
        paths = [folder / f"{part}.npy" for part in _PARTS]
        if not all(path.exists() for path in paths):
            arrays: tuple[NDArray[Any], ...] = _weighted(texts)
            for path, array in zip(paths, arrays, strict=True):
                with writing(path) as temporary, temporary.open("wb") as file:
                    np.save(file, array)
        words, weights, starts = (np.asarray(open_array(path)) for path in paths)
        return WordVectors(words, weights, starts)

    def likeness(self, left: Rows, right: Rows, engine: Engine = "auto") -> Floats:
        """float32[n]: cosine of documents left[i] and right[i]; 0 where no word is shared.

        Fastest where neighbouring pairs have a document in common.
        """
        found = np.empty(len(left), np.float32)
        if to_compile(engine, worthwhile=_COMPARED.off(len(left))):
            compiled(_likeness)(self.words, self.weights, self.starts, left, right, BUCKETS, found)
            return found
        from scipy.sparse import csr_array

        # Words by number among those that there are: a product takes room for every word.
        there = np.bincount(self.words, minlength=BUCKETS) > 0
        numbers = (np.cumsum(there) - 1)[self.words]
        shape = (len(self.starts) - 1, np.count_nonzero(there))
        table = csr_array((self.weights, numbers, self.starts), shape=shape, copy=False)
        ones = np.ones(shape[1], np.float32)
        for at in range(0, len(left), _PAIRS):
            part = slice(at, at + _PAIRS)
            (one, row), (other, column) = (
                np.unique(side[part], return_inverse=True) for side in (left, right)
            )
            # Either way added up word by word, as above. Neighbouring pairs often share documents.
            if len(one) * len(other) <= _CELLS * len(row):
                found[part] = (table[one] @ table[other].T).toarray()[row, column]
            else:
                found[part] = table[left[part]].multiply(table[right[part]]) @ ones
        return found


def _likeness(
    words: Any, weights: Any, starts: Any, left: Any, right: Any, buckets: int, found: Any
) -> None:
    """Fill in the likeness of every pair; plain loops, readable by numba.

    One document's weights are spread out over all words, and the other's are looked up there: that
    document stays which the next pair has too.
    """
    spread = np.zeros(buckets, np.float32)
    there = -1
    for i in range(len(left)):
        if left[i] != there and right[i] != there:
            if there >= 0:
                for k in range(starts[there], starts[there + 1]):
                    spread[words[k]] = 0
            there = right[i]
            if i + 1 < len(left) and left[i + 1] == left[i]:
                there = left[i]
            for k in range(starts[there], starts[there + 1]):
                spread[words[k]] = weights[k]
        other = left[i] if right[i] == there else right[i]
        total = np.float32(0)
        for k in range(starts[other], starts[other + 1]):
            total += weights[k] * spread[words[k]]
        found[i] = total


def _weighted(texts: pl.Series) -> tuple[NDArray[np.int32], Floats, NDArray[np.int64]]:
    words: list[NDArray[np.int32]] = []
    counts: list[NDArray[np.int64]] = []
    for at in range(0, len(texts), _DOCS):
        found = shingles(texts[at : at + _DOCS], 1)
        # Two words of a text in one bucket are one word; sorted, as sparse tables want them.
        keys = np.sort(found.owners << 20 | (found.values & np.uint32(BUCKETS - 1)))
        keys = keys[np.diff(keys, prepend=-1) != 0]
        words.append((keys & (BUCKETS - 1)).astype(np.int32))
        counts.append(np.bincount(keys >> 20, minlength=len(found)))
    word, count = np.concatenate(words), np.concatenate(counts)
    having = np.bincount(word, minlength=BUCKETS)
    rarity: Floats = np.log1p((len(texts) - having + 0.5) / (having + 0.5)).astype(np.float32)
    starts = starts_of(count)
    weights: Floats = rarity[word]
    sums = np.add.reduceat(np.append(weights.astype(np.float64) ** 2, 0), starts[:-1])
    lengths = np.sqrt(np.where(count > 0, sums, 1)).astype(np.float32)
    weights /= np.repeat(lengths, count)
    return word, weights, starts

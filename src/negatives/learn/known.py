"""Which texts of a batch must not be negatives of which query: all qrels, by text, not by place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from negatives.arrays import Bools, Keys, Ragged
from negatives.schema import Collection
from negatives.text.keys import normalised_keys


@dataclass(frozen=True)
class KnownPairs:
    """The pairs (query text, document text) known to be relevant.

    Texts are compared after normalisation (case, punctuation, white space), by 64-bit keys. A query
    whose text occurs twice has the positives of both.
    """

    queries: Keys
    """uint64[q]: keys of the queries with a known positive, sorted, each once."""
    docs: Ragged[np.uint64]
    """Keys of the positives of each, sorted, each once."""

    @classmethod
    def of_pairs(cls, queries: Keys, docs: Keys) -> KnownPairs:
        """From pairs of keys, in any order, repetitions allowed."""
        order = np.lexsort((docs, queries))
        queries, docs = queries[order], docs[order]
        first = np.ones(len(queries), bool)
        first[1:] = (queries[1:] != queries[:-1]) | (docs[1:] != docs[:-1])
        distinct, starts = np.unique(queries[first], return_index=True)
        return cls(distinct, Ragged(np.append(starts, first.sum()).astype(np.int64), docs[first]))

    @classmethod
    def of_texts(cls, queries: pl.Series, docs: pl.Series) -> KnownPairs:
        """From texts: query i is answered by document i."""
        return cls.of_pairs(normalised_keys(queries), normalised_keys(docs))

    @classmethod
    def of(cls, collection: Collection) -> KnownPairs:
        """All positives of a collection's qrels."""
        pairs = collection.positives.to_numpy()
        queries, docs = collection.keys("queries"), collection.keys("docs")
        return cls.of_pairs(queries[pairs[:, 0]], docs[pairs[:, 1]])

    def relevant(self, queries: Keys, docs: Keys) -> Bools:
        """bool[n, m]: whether document j is known to be relevant to query i."""
        made = np.zeros((len(queries), len(docs)), bool)
        if not (len(self.queries) and len(docs)):
            return made
        at = np.minimum(np.searchsorted(self.queries, queries), len(self.queries) - 1)
        found = np.flatnonzero(self.queries[at] == queries)
        positives = self.docs.take(at[found])
        owner, theirs = found[positives.owners], positives.values
        distinct, place = np.unique(docs, return_inverse=True)
        nearest = np.minimum(np.searchsorted(distinct, theirs), len(distinct) - 1)
        hit = distinct[nearest] == theirs
        each = np.zeros((len(queries), len(distinct)), bool)
        each[owner[hit], nearest[hit]] = True
        return np.asarray(each[:, place])

"""Which rows are near which: the positives nearest to each query, and the rows that own them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negatives.arrays import Floats, Places, Rows
from negatives.batch.examples import Examples, Numbers
from negatives.batch.needed import missing
from negatives.search.exact import top_k
from negatives.search.excluded import Excluded


@dataclass(frozen=True, slots=True)
class Near:
    """Queries and positives of the examples, numbered without gaps, and their vectors."""

    query: Places
    """int64[n]: the query of each row."""
    positive: Places
    """int64[n]: the positive of each row."""
    queries: Floats
    positives: Floats
    known: Excluded

    @staticmethod
    def of(examples: Examples, kind: str) -> Near:
        """Number them; `RecipeError` naming `kind` where there are no vectors."""
        if examples.query_vectors is None or examples.doc_vectors is None:
            raise missing(kind)
        queries, query = np.unique(examples.query, return_inverse=True)
        docs, positive = np.unique(examples.docs[:, 0], return_inverse=True)
        return Near(
            query.astype(np.int64),
            positive.astype(np.int64),
            np.ascontiguousarray(examples.query_vectors()[queries], np.float32),
            np.ascontiguousarray(examples.doc_vectors()[docs], np.float32),
            own_pairs(examples, queries, docs),
        )

    def search(self, most: int) -> Rows:
        """uint32[queries, k]: the positives nearest to each query, none of its own.

        Fewer are filled up with `NO_DOC`. Exact, so every pair of query and positive is compared.
        """
        return top_k(self.queries, self.positives, most, excluded=self.known)[0]


def own_pairs(examples: Examples, queries: Numbers, docs: Numbers) -> Excluded:
    """What is known to be relevant among some queries and documents (int32, rising), by place."""
    known = np.concatenate(
        [examples.known, np.stack([examples.query, examples.docs[:, 0]], axis=1)]
    )
    here = np.isin(known[:, 0], queries) & np.isin(known[:, 1], docs)
    pairs = np.unique(known[here], axis=0)
    return Excluded(
        np.searchsorted(queries, pairs[:, 0]).astype(np.uint32),
        np.searchsorted(docs, pairs[:, 1]).astype(np.uint32),
    )

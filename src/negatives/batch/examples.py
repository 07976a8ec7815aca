"""What a batcher is given: the training examples as numbers of texts, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats

Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Examples:
    """n training examples: a query, one of its positives and its k negatives each.

    Texts go by number. Two texts that are the same (but for case, punctuation and white space) have
    one number, so that no copy slips through; queries and documents are numbered apart.
    """

    query: Numbers
    """int32[n]: the query of each example."""
    docs: Numbers
    """int32[n, 1 + k]: its positive, then its negatives; -1 fills rows that have fewer."""
    known: NDArray[np.int32]
    """int32[p, 2]: every (query, document) known to be relevant, sorted, each once: all qrels, not
    only the pairs that are trained with."""
    query_vectors: Callable[[], Floats] | None = field(default=None, repr=False)
    """float32[queries, dim], unit length, by query number; computed when first asked for."""
    doc_vectors: Callable[[], Floats] | None = field(default=None, repr=False)
    """float32[documents, dim], unit length, by document number; the same encoder."""
    doc_parents: Callable[[], NDArray[np.int64]] | None = field(default=None, repr=False)
    """int64[documents], by document number: a number of what is above it in a taxonomy, -1 where
    nothing is; None where documents have no field `parent`."""
    doc_places: Callable[[], Doubles] | None = field(default=None, repr=False)
    """float64[documents, 3], unit length, by document number: where on the earth each is, NaN where
    that is not known; None where documents have no fields `latitude` and `longitude`."""
    renewed: bool = False
    """Whether the vectors are of the model as training has made it by now."""

    def __len__(self) -> int:
        return len(self.query)

"""Examples as a linear student sees them."""

from __future__ import annotations

import numpy as np

from negatives.arrays import Floats
from negatives.batch.examples import Examples
from negatives.stats.linear_student import Lists


def student_lists(examples: Examples, queries: Floats, docs: Floats) -> Lists:
    """With vectors of queries and documents by number: float32[.., dim], unit length."""
    known = examples.known.astype(np.int64)
    return Lists(
        queries=np.ascontiguousarray(queries[examples.query], np.float32),
        docs=docs,
        shown=examples.docs.astype(np.int64),
        query=examples.query.astype(np.int64),
        known=np.sort(known[:, 0] * len(docs) + known[:, 1]),
    )

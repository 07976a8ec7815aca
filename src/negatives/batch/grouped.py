"""Batches that keep the rows of a query together."""

from __future__ import annotations

import numpy as np

from negatives.batch.epochs import Ordering, Orders
from negatives.batch.examples import Examples
from negatives.batch.groups import whole


class Grouped(Ordering, kind="grouped"):
    """All rows of a query share a batch, with those of other queries as they fit.

    For losses that compare the positives of one query. Rows of a query conflict by their nature, so
    the loss has to know what is relevant: in-batch negatives without a mask would be wrong.

    >>> from negatives import tiny
    >>> from negatives.batch.grouped import Grouped
    >>> tiny.batches(Grouped(), size=4)  # "cat" and "cat 2" are rows of one query
    [['hen', 'cat 2', 'cat', 'bus'], ['van', 'car', 'dog', 'tram']]
    """

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Every epoch shuffles the queries, and the rows of each."""
        _, group = np.unique(examples.query, return_inverse=True)
        return lambda epoch: whole(group.astype(np.int64), size, seed, f"grouped/{epoch}")

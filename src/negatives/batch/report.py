"""What is measured of batches: their sizes, and how many rows conflict."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from negatives.arrays import Places
from negatives.batch.conflicts import Conflicts
from negatives.batch.examples import Examples
from negatives.batch.order import Order


def sizes(of: Places) -> dict[str, Any]:
    """How many batches there are, how many rows they hold, and the sizes they have."""
    if not len(of):
        return {"batches": 0, "examples": 0}
    return {
        "batches": len(of),
        "examples": int(of.sum()),
        "smallest": int(of.min()),
        "median": float(np.median(of)),
        "largest": int(of.max()),
    }


def conflict_rate(examples: Examples, order: Order) -> float:
    """Share of the rows of `order` that conflict with another row of their batch."""
    return Conflicts.of(examples).rate(order.rows.astype(np.int64), order.batch)


_BATCHES = 256


def masked_share(examples: Examples, order: Order) -> float:
    """How much of what a row would take for its negatives is known to be relevant to its query.

    Of all pairs of a row and another row's positive in its batch; of the first batches alone where
    there are many. A loss has to mask them.
    """
    known = np.unique(
        np.concatenate(
            [examples.known, np.stack([examples.query, examples.docs[:, 0]], axis=1)]
        ).astype(np.int64)
        @ np.array([1 << 32, 1])
    )
    masked = pairs = 0
    for batch in islice(order.batches(), _BATCHES):
        query, doc = examples.query[batch].astype(np.int64), examples.docs[batch, 0]
        asked = (query[:, None] << 32) + doc[None, :]
        np.fill_diagonal(asked, -1)
        found = known.take(np.searchsorted(known, asked), mode="clip") == asked
        masked += int(found.sum())
        pairs += asked.size - len(batch)
    return masked / pairs if pairs else 0.0

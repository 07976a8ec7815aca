"""What is measured of batches: their sizes, and how many rows conflict."""

from __future__ import annotations

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

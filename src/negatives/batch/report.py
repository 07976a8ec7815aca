"""What is measured of batches: their sizes, how hard they are, and how many rows conflict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from negatives.arrays import Places
from negatives.batch.batcher import Batch
from negatives.batch.conflicts import Conflicts
from negatives.batch.examples import Examples
from negatives.batch.order import Order

_SAMPLE = 64  # batches whose hardness is looked at, evenly spaced


def measured(examples: Examples, batches: Iterable[Batch]) -> dict[str, Any]:
    """Batch sizes, `conflict_rate` and, where there are vectors, `hardness` of `batches`.

    `conflict_rate` is the share of rows that must not share their batch with another of its rows
    (see `Conflicts`). `hardness` is the mean over rows of the highest cosine between the query and
    another row's positive, in at most 64 batches of two or more rows.
    """
    listed = list(batches)
    rows = np.concatenate([np.empty(0, np.int32), *listed])
    order = Order(rows, np.cumsum([len(batch) for batch in listed], dtype=np.int64))
    found = {**sizes(order.sizes), "conflict_rate": conflict_rate(examples, order)}
    hard = hardness(examples, listed)
    return found if hard is None else {**found, "hardness": hard}


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


def hardness(examples: Examples, batches: list[Batch]) -> float | None:
    """Mean over rows of the highest cosine between their query and another row's positive.

    None without vectors, or where no batch has two rows.
    """
    if examples.query_vectors is None or examples.doc_vectors is None:
        return None
    batches = [batch for batch in batches if len(batch) > 1]
    if not batches:
        return None
    queries, docs = examples.query_vectors(), examples.doc_vectors()
    found = []
    with threadpool_limits(limits=1, user_api="blas"):
        for at in np.unique(np.linspace(0, len(batches) - 1, _SAMPLE).astype(int)):
            batch = batches[at]
            scores = queries[examples.query[batch]] @ docs[examples.docs[batch, 0]].T
            np.fill_diagonal(scores, -np.inf)
            found.append(scores.max(axis=1))
    return float(np.concatenate(found).mean(dtype=np.float64))

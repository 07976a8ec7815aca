"""The order of an epoch: which rows stand in which batch, and how rows are shuffled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from negatives.arrays import Places
from negatives.batch.batcher import Batch
from negatives.stats.shuffled import draws as draws
from negatives.stats.shuffled import permutation as permutation


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of one epoch, and where its batches end."""

    rows: Batch
    """int32[n]: every row once, batch after batch."""
    ends: Places
    """int64[batches]: where in `rows` each batch ends."""

    def batches(self) -> Iterator[Batch]:
        """Each batch in turn: int32[size]."""
        start = 0
        for end in self.ends.tolist():
            yield self.rows[start:end]
            start = end

    @property
    def sizes(self) -> Places:
        """int64[batches]: rows in each batch."""
        return np.diff(self.ends, prepend=0)

    @property
    def batch(self) -> Places:
        """int64[n]: the batch in which each of `rows` stands."""
        return np.repeat(np.arange(len(self.ends)), self.sizes)


def cut(rows: Places | Batch, size: int) -> Order:
    """Rows in the order given, `size` at a time; the last batch holds what is left."""
    ends = np.minimum(np.arange(size, len(rows) + size, size), len(rows))
    return Order(rows.astype(np.int32), ends.astype(np.int64))


def placed(rows: Places, batch: Places, seed: int, stream: str) -> Order:
    """The order in which `batch[i]` holds `rows[i]`; batches are shuffled, rows stay as given.

    batch: int64[n], numbered from 0 without a gap.
    """
    sizes = np.bincount(batch)
    shuffled = permutation(len(sizes), seed, stream)
    rank = np.empty(len(sizes), np.int64)
    rank[shuffled] = np.arange(len(sizes))
    order = np.argsort(rank[batch], kind="stable")
    return Order(rows[order].astype(np.int32), np.cumsum(sizes[shuffled]))

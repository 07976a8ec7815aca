"""Other negatives in every epoch: of a long list of each query, some that are evenly spread."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from negatives.arrays import Places
from negatives.learn.training_set import TrainingSet


@dataclass
class Redraw:
    """The examples of `full`, with `count` of each query's negatives, others each epoch.

    As in T2Ranking (Xie et al., 2023): of a list of L, every (L // n)-th one from the epoch's own
    offset, so that each epoch has easy and hard ones, and all of them come in turn. `batches`: how
    many an epoch has.
    """

    full: TrainingSet
    count: int
    batches: int
    _epoch: int = field(default=-1, init=False)
    _now: TrainingSet | None = field(default=None, init=False, repr=False)

    def at(self, batch: int) -> TrainingSet:
        """The examples that batch number `batch`, from 0, is read from."""
        epoch = batch // self.batches
        if self._now is None or epoch != self._epoch:
            self._epoch, self._now = epoch, self._of(epoch)
        return self._now

    def _of(self, epoch: int) -> TrainingSet:
        lengths = (self.full.negatives >= 0).sum(axis=1)
        place = strided(lengths, self.count, epoch)
        at = np.maximum(place, 0)
        docs = np.take_along_axis(self.full.negatives, at, axis=1)
        p = np.take_along_axis(self.full.p_relevant, at, axis=1)
        there = place >= 0
        return self.full.with_same_texts(
            replace(
                self.full,
                negatives=np.where(there, docs, np.int32(-1)),
                p_relevant=np.where(there, p, np.float32("nan")),
            )
        )


def strided(lengths: Places, count: int, epoch: int) -> Places:
    """int64[lists, count]: places in lists of such lengths; -1 where a list has fewer.

    >>> import numpy as np
    >>> [strided(np.array([10]), 3, epoch).tolist() for epoch in range(4)]
    [[[0, 3, 6]], [[1, 4, 7]], [[2, 5, 8]], [[0, 3, 6]]]
    """
    step = np.maximum(lengths // max(1, count), 1)[:, None]
    place = epoch % step + step * np.arange(count)
    return np.where(place < lengths[:, None], place, -1)

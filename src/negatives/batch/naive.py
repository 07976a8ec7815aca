"""Naive examples: what has been learned so well that it teaches nothing more."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles, Floats
from negatives.batch.batcher import Batch
from negatives.batch.progressive import mean_one


class LossHistory:
    """A running mean of each example's losses: h becomes slow h + (1 - slow) loss.

    An example whose history is below `floor` is naive. Its weight is `weight`, others weigh 1; the
    mean weight of a batch is 1, unless all weigh 0. An example is not naive before it has been seen
    `times` times.

    >>> import numpy as np
    >>> made = LossHistory(2, slow=0.5, floor=0.1, times=2, weight=0.0)
    >>> for losses in ([0.1, 1.0], [0.04, 1.0]):
    ...     made.observe(np.arange(2, dtype=np.int32), np.array(losses, np.float32))
    >>> made.history.round(2).tolist(), made.naive().tolist()
    ([0.07, 1.0], [True, False])
    """

    def __init__(
        self, examples: int, *, slow: float, floor: float, times: int, weight: float
    ) -> None:
        self._slow, self._floor, self._times, self._weight = slow, floor, times, weight
        self.history: Doubles = np.full(examples, np.nan)
        """float64[n]: NaN of what was never seen."""
        self._seen = np.zeros(examples, np.int64)

    @property
    def passes(self) -> int:
        """All but the last of the times that an example has to be seen."""
        return self._times - 1

    def naive(self, rows: Batch | None = None) -> Bools:
        """bool[n]: which of `rows` (None: of all) teach nothing."""
        which = slice(None) if rows is None else rows
        return np.asarray((self.history[which] < self._floor) & (self._seen[which] >= self._times))

    def weights(self, batch: Batch, step: int, steps: int) -> Floats:
        """float32[size]."""
        found = np.where(self.naive(batch), self._weight, 1.0)
        return mean_one(found).astype(np.float32)

    def observe(self, batch: Batch, losses: Floats) -> None:
        """One more loss of each."""
        new = losses.astype(np.float64)
        before = np.where(self._seen[batch] > 0, self.history[batch], new)
        self.history[batch] = self._slow * before + (1 - self._slow) * new
        self._seen[batch] += 1

    def suspects(self) -> dict[str, Batch]:
        """`naive`: the examples that are."""
        return {"naive": np.flatnonzero(self.naive()).astype(np.int32)}

    def state(self) -> dict[str, NDArray[Any]]:
        """`history` float64[n], `seen` int64[n]."""
        return {"history": self.history.copy(), "seen": self._seen.copy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state()` gave."""
        self.history = state["history"].astype(np.float64)
        self._seen = state["seen"].astype(np.int64)

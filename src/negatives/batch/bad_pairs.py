"""Weights from the history of each example's loss: what was always odd counts less."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles, Floats
from negatives.batch.batcher import Batch


class PairHistory:
    """The losses each example has had, summed as they came; see `BadPairs`.

    The n-th loss of an example counts n times. `bounds` are standard deviations below and above the
    mean; where all histories are the same, none is odd. `epochs` > 0 takes the paper's mean, of
    loss * n / epochs, in place of the weighted mean.

    Who is odd is found once a sweep, which is as many losses as there are examples, so an epoch:
    the histories, their mean and their deviation are all of the sweeps before the one that is under
    way. An example whose present loss was counted already would have one term more than the others.
    """

    def __init__(
        self, examples: int, warmup: float, bounds: tuple[float, float], epochs: int
    ) -> None:
        self._warmup, self._bounds, self._epochs = warmup, bounds, epochs
        self._sum = np.zeros(examples)
        self._times = np.zeros(examples, np.int64)
        self._last = np.zeros(examples, np.float32)
        self._odd = np.zeros(examples, np.bool_)
        """Whether each was odd when the last sweep was over."""
        self._common = np.array([np.nan, np.nan, 0.0])
        """Mean and deviation of the histories then, and the losses seen since."""

    @property
    def passes(self) -> int:
        """A whole one: nobody is odd before all have been seen."""
        return 1

    def history(self, rows: Batch | None = None) -> Doubles:
        """float64[n]: the mean loss of each of `rows` (None: all), later ones counting more.

        NaN where no loss was seen yet.
        """
        which = slice(None) if rows is None else rows
        times = self._times[which].astype(np.float64)
        below = times * (self._epochs or (times + 1) / 2)
        mean: Doubles = np.full(len(times), np.nan)
        np.divide(self._sum[which], below, out=mean, where=times > 0)
        return mean

    def noisy(self, rows: Batch | None = None) -> Bools:
        """bool[n]: whether the losses of each have been far below the others' so far."""
        mean, deviation = self._spread()
        found: Bools = self.history(rows) <= mean - self._bounds[0] * deviation
        return found & (deviation > 0)

    def faulty(self, rows: Batch | None = None) -> Bools:
        """bool[n]: whether they have been far above the others'; suspects worth a look."""
        mean, deviation = self._spread()
        found: Bools = self.history(rows) >= mean + self._bounds[1] * deviation
        return found & (deviation > 0)

    def weights(self, batch: Batch, step: int, steps: int) -> Floats:
        """float32[size]: 1, but for the odd ones once the warm-up is over."""
        found = np.ones(len(batch), np.float32)
        mean, deviation = self._common[:2]
        if step < self._warmup * steps or not deviation > 0:
            return found
        odd = self._odd[batch]
        far = (self._last[batch[odd]].astype(np.float64) - mean) / deviation
        peak = 1 / (deviation * np.sqrt(2 * np.pi)) if self._epochs else 1.0
        found[odd] = peak * np.exp(-(far**2) / 2)
        return found

    def observe(self, batch: Batch, losses: Floats) -> None:
        """Add the next loss of each example, the first of a new sweep once the last is over."""
        if self._common[2] >= len(self._times):
            self._odd = self.noisy() | self.faulty()
            self._common = np.array([*self._spread(), 0.0])
        self._times[batch] += 1
        self._sum[batch] += losses.astype(np.float64) * self._times[batch]
        self._last[batch] = losses
        self._common[2] += len(batch)

    def suspects(self) -> dict[str, Batch]:
        """`noisy` and `faulty`: the examples that are, by all their losses."""
        found = {"noisy": self.noisy(), "faulty": self.faulty()}
        return {why: np.flatnonzero(odd).astype(np.int32) for why, odd in found.items()}

    def _spread(self) -> tuple[float, float]:
        """Mean and standard deviation of the histories so far."""
        history = self.history()
        history = history[~np.isnan(history)]
        return (float(history.mean()), float(history.std())) if len(history) else (np.nan, np.nan)

    def state(self) -> dict[str, NDArray[Any]]:
        """`sum`, `times`, `last` and `odd` of each example, and `common` float64[3]."""
        return {
            "sum": self._sum.copy(),
            "times": self._times.copy(),
            "last": self._last.copy(),
            "odd": self._odd.copy(),
            "common": self._common.copy(),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state()` gave."""
        self._sum = state["sum"].astype(np.float64)
        self._times = state["times"].astype(np.int64)
        self._last = state["last"].astype(np.float32)
        self._odd = state["odd"].astype(np.bool_)
        self._common = state["common"].astype(np.float64)

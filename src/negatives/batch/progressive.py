"""Weights that begin by trusting the easy examples and end by stressing the hard ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

from negatives.arrays import Doubles, Floats
from negatives.batch.batcher import Batch

_SLOW = 0.9  # of the running mean, what stays when a batch comes in
_BRANCH = -2 / np.e + 1e-12  # Lambert's W has no value below: a float just under gives NaN


def superloss(losses: Doubles, mean: float, softness: float) -> Doubles:
    """float64[n]: exp(-W(max(-2/e, (loss - mean) / softness) / 2)), above 1 where a loss is low.

    Castells, Weinzaepfel and Revaud (2020), SuperLoss; W is Lambert's.
    """
    found: Doubles = np.exp(-lambertw(0.5 * np.maximum(_BRANCH, (losses - mean) / softness)).real)
    return found


def focal(losses: Doubles, power: float) -> Doubles:
    """float64[n]: (1 - exp(-loss)) ** power, higher where a loss is high (Lin et al., 2017)."""
    return (-np.expm1(-np.maximum(losses, 0.0))) ** power


def mean_one(weights: Doubles) -> Doubles:
    """The same weights, scaled to a mean of 1; unchanged where all are 0."""
    total = weights.sum()
    return weights * (len(weights) / total) if total > 0 else weights


class EasyToHard:
    """Weights from the last loss of each example; see `Progressive`."""

    def __init__(self, examples: int, softness: float, power: float, ramp: float) -> None:
        self._softness, self._power, self._ramp = softness, power, ramp
        self._last = np.full(examples, np.nan, np.float32)
        self._mean = np.nan

    @property
    def passes(self) -> int:
        """None: the loss of the batch itself is enough."""
        return 0

    def weights(self, batch: Batch, step: int, steps: int) -> Floats:
        """float32[size]: mean 1; late weights take over as `step` of `steps` goes up the ramp."""
        losses = self._last[batch].astype(np.float64)
        seen = ~np.isnan(losses)
        found = np.ones(len(batch))
        if seen.any():
            late = min(1.0, step / max(steps, 1) / self._ramp)
            easy = mean_one(superloss(losses[seen], self._mean, self._softness))
            hard = mean_one(focal(losses[seen], self._power * late))
            found[seen] = mean_one((1 - late) * easy + late * hard)
        return mean_one(found).astype(np.float32)

    def observe(self, batch: Batch, losses: Floats) -> None:
        """Keep the loss of each example, and the running mean of all."""
        self._last[batch] = losses
        mean = float(np.mean(losses, dtype=np.float64))
        self._mean = mean if np.isnan(self._mean) else _SLOW * self._mean + (1 - _SLOW) * mean

    def suspects(self) -> dict[str, Batch]:
        """None: an example that is hard is not odd."""
        return {}

    def state(self) -> dict[str, NDArray[Any]]:
        """`last`: float32[n], NaN where none was observed; `mean`: float64[1]."""
        return {"last": self._last.copy(), "mean": np.array([self._mean])}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state()` gave."""
        self._last = state["last"].astype(np.float32)
        self._mean = float(state["mean"][0])

"""Columns brought to mean 0 and deviation 1, where some of their values are not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", bound=np.floating[Any])

_VARIES: Final = 1e-9
"""Of the largest value: what does not vary is left with what rounding makes of it, which grows with
the scale."""


@dataclass(frozen=True, slots=True)
class Scale(Generic[Real]):
    """Mean and deviation of each column, of the type of the values; 1 where nothing varies."""

    mean: NDArray[Real]
    deviation: NDArray[Real]

    @staticmethod
    def of(values: NDArray[Real]) -> Scale[Real]:
        """Of values[n, columns]; NaN is not known, and counts for nothing."""
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, values, 0).astype(np.float64)
        mean = filled.sum(axis=0) / count
        deviation = np.sqrt((np.where(known, filled - mean, 0) ** 2).sum(axis=0) / count)
        deviation[deviation <= _VARIES * np.abs(filled).max(axis=0, initial=0)] = 1
        return Scale(mean.astype(values.dtype), deviation.astype(values.dtype))

    def applied(self, values: NDArray[Real]) -> NDArray[Real]:
        """The values on this scale; 0, the mean, where nothing is known."""
        found: NDArray[Real] = np.nan_to_num((values - self.mean) / self.deviation, nan=0.0)
        return found

"""How wrong a model is on what it is surest of: risk by coverage, and the area under that curve.

Examples are taken in from the one that the model is surest of; after i of n the coverage is i / n
and the risk the mean loss of those taken in. AURC is the mean risk over all n (Geifman, Uziel and
El-Yaniv, ICLR 2019), lower is better; a confidence that tells nothing has the mean loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles
from negatives.errors import DataError, InputError


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The curve: `risk[i]` is the mean loss of the i + 1 examples of the highest confidence."""

    risk: Doubles
    best: float
    """AURC of the confidence that sorts by the loss itself."""

    @property
    def aurc(self) -> float:
        """Area under the curve."""
        return float(self.risk.mean())

    @property
    def excess(self) -> float:
        """How much of the area is the confidence's fault, and not the losses' (E-AURC)."""
        return self.aurc - self.best

    def coverage_at(self, risk: float) -> float:
        """The largest coverage whose risk, on these examples, is at most so much; 0: none has."""
        within = np.flatnonzero(self.risk <= risk)
        return float(within[-1] + 1) / len(self.risk) if len(within) else 0.0


def risk_coverage(confidence: NDArray[Any], losses: NDArray[Any]) -> RiskCoverage:
    """The curve of confidences float[n] and losses float[n] (0 and 1, where a prediction is wrong).

    Equal confidences are in an order by chance: each counts with the mean loss of its equals.

    >>> import numpy as np
    >>> curve = risk_coverage(np.array([0.9, 0.8, 0.6, 0.5]), np.array([0, 1, 0, 0]))
    >>> curve.risk.round(4).tolist(), round(curve.aurc, 4), round(curve.excess, 4)
    ([0.0, 0.5, 0.3333, 0.25], 0.2708, 0.2083)
    """
    sure, lost = np.asarray(confidence, np.float64), np.asarray(losses, np.float64)
    if sure.shape != lost.shape or sure.ndim != 1:
        raise InputError(
            f"confidences of the shape {sure.shape} and losses of the shape {lost.shape}",
            fix="give float[n] twice",
        )
    if not len(sure) or not (np.isfinite(sure).all() and np.isfinite(lost).all()):
        raise DataError(
            "no example, or one whose confidence or loss is no finite number",
            where="risk_coverage",
            fix="give one example or more, and leave out what is not known",
        )
    values, place = np.unique(-sure, return_inverse=True)
    equals = np.bincount(place, minlength=len(values))
    mean = np.bincount(place, lost, len(values)) / equals
    return RiskCoverage(_running_mean(np.repeat(mean, equals)), _running_mean(np.sort(lost)).mean())


def _running_mean(values: Doubles) -> Doubles:
    return np.asarray(values.cumsum() / np.arange(1, len(values) + 1), np.float64)

"""Logistic relevance of which a known share is labelled, by Newton's method.

P(labelled | z) = c r(z) with r = sigmoid(slope z + intercept) (Elkan and Noto, KDD 2008): what a
logistic model of soft labels becomes where labels are there for a share c of what is relevant.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from negatives.arrays import Doubles
from negatives.stats.logistic import shortened, sigmoid

_LOWEST: Final = np.array([-30.0, -3.0])
_HIGHEST: Final = np.array([30.0, 2.0])
"""Of the intercept and of the slope's logarithm."""
_STEPS: Final = 500
"""At most; five are usual, and a valley that is nearly flat takes many short ones."""
_NEAR: Final = 1e-7
_FLAT: Final = 1e-9


def fit_labelled(
    c: float, z: Doubles, labelled: Doubles, rest: Doubles, start: Doubles
) -> tuple[float, Doubles]:
    """Negative log-likelihood, and float64[2]: intercept and log slope, from `start`.

    `z`, `labelled` and `rest` are float64[n]: the evidence, and the weight of what is labelled
    there and of what is not. The slope is between e^-3 and e^2, the intercept between -30 and 30.
    To be called where a matrix product has one thread.
    """
    at = start
    cost, r = _cost(c, z, labelled, rest, at)
    for _ in range(_STEPS):
        step = shortened(_step(c, z, labelled, rest, at, r))
        there = np.clip(at + step, _LOWEST, _HIGHEST)
        lower, nearer = _cost(c, z, labelled, rest, there)
        while lower > cost and np.abs(step).max() > _NEAR:
            step = step / 2
            there = np.clip(at + step, _LOWEST, _HIGHEST)
            lower, nearer = _cost(c, z, labelled, rest, there)
        if lower > cost:
            break
        moved = float(np.abs(there - at).max())
        at, cost, r = there, lower, nearer
        if moved < _NEAR:
            break
    return cost, at


def _cost(
    c: float, z: Doubles, labelled: Doubles, rest: Doubles, at: Doubles
) -> tuple[float, Doubles]:
    """Negative log-likelihood, and relevance: float64[n]."""
    r = sigmoid(float(np.exp(at[1])) * z + at[0])
    return -float((labelled * np.log(c * r) + rest * np.log1p(-c * r)).sum()), r


def _step(
    c: float, z: Doubles, labelled: Doubles, rest: Doubles, at: Doubles, r: Doubles
) -> Doubles:
    """Newton's step, where the likelihood is curved the right way; Fisher's, where it is not.

    Of two numbers, one that would leave its bounds goes up to them, and the other as far as is best
    then.
    """
    unseen = 1 - c * r
    inputs: Doubles = np.stack([np.ones_like(z), float(np.exp(at[1])) * z])
    uphill = inputs @ (labelled * (1 - r) - rest * c * r * (1 - r) / unseen)
    bent = r * (1 - r) * (labelled + rest * c * (1 - 2 * r + c * r**2) / unseen**2)
    curve: Doubles = (inputs * bent) @ inputs.T
    curve[1, 1] -= uphill[1]  # by the slope's logarithm, and not by the slope
    if curve[0, 0] <= 0 or np.linalg.det(curve) <= _FLAT * abs(curve[0, 0] * curve[1, 1]):
        expected = (labelled + rest) * c * r * (1 - r) ** 2 / unseen
        curve = (inputs * expected) @ inputs.T
    curve[np.diag_indices(2)] += _FLAT * max(float(curve.max()), 1e-12)
    step: Doubles = np.linalg.solve(curve, uphill).astype(np.float64)
    for one, other in ((0, 1), (1, 0)):
        bounded = np.clip(at + step, _LOWEST, _HIGHEST) - at
        if bounded[one] != step[one]:
            step[one] = bounded[one]
            step[other] = (uphill[other] - curve[other, one] * step[one]) / curve[other, other]
    return step

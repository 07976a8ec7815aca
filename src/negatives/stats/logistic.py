"""Logistic models of soft labels, by Newton's method; no bit depends on the number of threads."""

from __future__ import annotations

from typing import Final

import numpy as np

from negatives.arrays import Doubles, Floats
from negatives.one_thread import one_thread

STEPS: Final = 50
LONGEST: Final = 4.0
"""Newton's steps, of which some ten are needed, and how far one may go in any direction."""
_INTERCEPT: Final = 1e-6  # a ridge of it that changes nothing, and keeps the step finite


def sigmoid(logits: Doubles) -> Doubles:
    """float64[n]: the probabilities of log-odds."""
    with np.errstate(over="ignore"):  # the exponential of a large number is infinite: 0, as it is
        made: Doubles = 1 / (1 + np.exp(-logits))
    return made


def with_intercept(features: Doubles | Floats) -> Doubles:
    """float64[n, columns + 1]: the features with a last column of ones."""
    made = np.ones((len(features), features.shape[1] + 1))
    made[:, :-1] = features
    return made


def linear(inputs: Doubles, weights: Doubles) -> Doubles:
    """float64[n]: inputs times weights, added up in one order whatever the number of threads."""
    made: Doubles = np.einsum("np,p->n", inputs, weights)
    return made


def fit_logistic(inputs: Doubles, target: Doubles, ridge: float) -> Doubles:
    """Weights of a logistic model of soft labels, those of the intercept last."""
    weights = np.zeros(inputs.shape[1])
    with one_thread():
        for _ in range(STEPS):
            p = sigmoid(linear(inputs, weights))
            step = newton_step(inputs, p, target, weights, ridge)
            weights += step
            if np.abs(step).max() < 1e-10:
                break
    return weights


def newton_step(
    inputs: Doubles, p: Doubles, target: Doubles, weights: Doubles, ridge: float
) -> Doubles:
    """The step of a model that says `p` towards soft labels; the intercept, last, has no ridge.

    To be called where a matrix product has one thread.
    """
    penalty = np.full(len(weights), ridge)
    penalty[-1] = _INTERCEPT
    slope = np.einsum("np,n->p", inputs, target - p) - penalty * weights
    curve = inputs.T @ ((p * (1 - p))[:, None] * inputs) + np.diag(penalty)
    return shortened(np.linalg.solve(curve, slope))


def shortened(step: Doubles) -> Doubles:
    """The step, or as much of it as goes `LONGEST` far in its longest direction."""
    return step * min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-12))

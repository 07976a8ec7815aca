"""Which share of the relevant pairs is labelled, and what that makes of a pair without a label.

A label says that a pair is relevant *and* that somebody looked: P(labelled | z) = c r(z), with
r = P(relevant | z) and c = P(labelled | relevant), the labelled share (Elkan and Noto, KDD 2008).
A pair without a label is then relevant with probability (1 - c) r / (1 - c r).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negatives.schema import Bools, Floats

Doubles = NDArray[np.float64]

_PRIOR = 3.0  # Beta(3, 3) on c: about as strong as four pairs, two of them labelled
_STARTS = (0.2, 0.5, 0.8)
_MOST = 0.999


@dataclass(frozen=True, slots=True)
class Selection:
    """The labelled share c, and relevance as a logistic function of log-odds z."""

    share: float
    slope: float
    intercept: float

    def relevant(self, z: Doubles) -> Doubles:
        """float64[n]: probability that a pair without a label is relevant."""
        r = 1 / (1 + np.exp(-np.clip(self.slope * z + self.intercept, -50, 50)))
        found: Doubles = np.minimum((1 - self.share) * r / (1 - self.share * r), _MOST)
        return found


def fit_selection(z: Doubles, labelled: Bools, weights: Floats, share: float = 0.0) -> Selection:
    """Fit c, slope and intercept to held-out log-odds `z` of being labelled, by likelihood.

    c shows where the evidence is strong: there nearly all pairs are relevant, and yet only a share
    of them is labelled. Where evidence is weak nowhere is that so; c is then a guess between what
    is seen (too low) and a half, and the probabilities are rather too high. Assumes that which
    relevant pairs are labelled does not depend on the evidence. `share` > 0 sets c instead.
    """
    from scipy.optimize import minimize

    weights = weights.astype(np.float64)
    positive, rest, stands = z[labelled], z[~labelled], weights[~labelled]

    def logs(at: Doubles) -> tuple[float, float, float]:
        return (share or float(1 / (1 + np.exp(-at[0])))), float(np.exp(at[2])), float(at[1])

    def cost(at: Doubles) -> float:
        c, slope, intercept = logs(at)
        r = 1 / (1 + np.exp(-np.clip(slope * positive + intercept, -50, 50)))
        s = 1 / (1 + np.exp(-np.clip(slope * rest + intercept, -50, 50)))
        c = min(max(c, 1e-6), 1 - 1e-6)
        prior = (_PRIOR - 1) * (np.log(c) + np.log1p(-c))
        return -float(np.log(c * r).sum() + (stands * np.log1p(-c * s)).sum() + prior)

    tries = (
        minimize(
            cost,
            np.array([np.log(start / (1 - start)), 0.0, 0.0]),
            method="Nelder-Mead",
            options={"maxiter": 400, "xatol": 1e-4, "fatol": 1e-3},
        )
        for start in (_STARTS if not share else _STARTS[1:2])
    )
    c, slope, intercept = logs(min(tries, key=lambda found: float(found.fun)).x)
    return Selection(float(np.clip(c, 0.01, 0.99)), slope, intercept)

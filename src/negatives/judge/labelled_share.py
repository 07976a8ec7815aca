"""Which share of the relevant pairs is labelled, and what that makes of an unlabelled pair.

A label says that a pair is relevant *and* that somebody looked (Elkan and Noto, KDD 2008): with
c = P(labelled | relevant) and g = P(labelled | evidence), an unlabelled pair is relevant with
probability (1 - c) / c x g / (1 - g).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from negatives.schema import Bools, Floats

Doubles = NDArray[np.float64]

_SURE = 100  # pairs of the strongest evidence, at least
_PART = 0.2  # and at least so many for each label


def labelled_share(g: Doubles, labelled: Bools, weights: Floats) -> float:
    """Estimate of c: the share of labelled among the pairs of the strongest evidence.

    Where nearly all of those are relevant, nearly all that are missing labels were never looked at
    (the estimator e3 of Elkan and Noto, over many pairs rather than one). Where some are not
    relevant, c comes out too low, and probabilities too high: it errs on the safe side. Assumes
    that labels do not shun the strongest evidence.
    """
    order = np.argsort(-g, kind="stable")
    total = np.cumsum(weights[order])
    wanted = max(_SURE, _PART * float(labelled.sum()))
    count = int(np.searchsorted(total, wanted)) + 1
    strongest = order[:count]
    sure = weights[strongest].sum()
    found = (weights[strongest][labelled[strongest]].sum() + 0.5) / (sure + 1)
    return float(np.clip(found, 0.02, 0.99))


def unlabelled_relevant(g: Doubles, share: float) -> Doubles:
    """float64[n]: probability that a pair is relevant, given its evidence and no label."""
    g = np.clip(g, 1e-9, 1 - 1e-9)
    found: Doubles = np.minimum((1 - share) / share * g / (1 - g), 0.999)
    return found

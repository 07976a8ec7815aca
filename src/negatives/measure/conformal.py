"""A threshold of p_relevant below which few relevant pairs lie, with stated confidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def conformal_threshold(
    p_of_positives: NDArray[np.floating], alpha: float, confidence: float
) -> float | None:
    """The highest tau such that at most `alpha` of relevant pairs have p_relevant below it.

    With `confidence`, over the draw of the known positives whose p (float[n]) is given, if pairs
    without a label are exchangeable with them. tau is the k-th lowest p, with the largest k for
    which P(Binomial(n, alpha) >= k) >= confidence (tolerance limits: Wilks, 1941). None where there
    are too few positives for any: n < log(1 - confidence) / log(1 - alpha).
    """
    values = np.sort(np.asarray(p_of_positives, dtype=np.float64))
    if np.isnan(values).any():
        raise ValueError("p_of_positives holds NaN")
    k = order(len(values), alpha, confidence)
    return float(values[k - 1]) if k else None


def order(n: int, alpha: float, confidence: float) -> int:
    """The largest k with P(Binomial(n, alpha) >= k) >= confidence; 0 where there is none."""
    from scipy.special import bdtrc

    return int(np.count_nonzero(bdtrc(np.arange(n), n, alpha) >= confidence))

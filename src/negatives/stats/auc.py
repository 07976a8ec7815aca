"""How well a number tells two kinds of things apart: the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri


def auc(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Probability that one of ours is higher than one of theirs; ties count half.

    Neither is empty, and none is NaN.

    >>> auc(np.array([3.0, 1.0]), np.array([2.0, 1.0]))
    0.625
    """
    count, rest = len(ours), len(theirs)
    ranks = pl.Series(np.concatenate([ours, theirs])).rank("average").to_numpy()[:count].sum()
    return float((ranks - count * (count + 1) / 2) / (count * rest))


def auc_interval(
    ours: NDArray[Any], theirs: NDArray[Any], confidence: float = 0.95
) -> tuple[float, float]:
    """Where `auc` of all things of the two kinds may be, where these were drawn one by one.

    By the variance of DeLong, DeLong and Clarke-Pearson (1988), on the scale of log-odds. Where
    the two do not overlap at all that variance is nought, and the interval is that of a share
    of which the rarer kind showed no exception.

    >>> low, high = auc_interval(np.arange(20.0), np.arange(20.0) - 5)
    >>> round(low, 2), round(high, 2)
    (0.54, 0.85)
    """
    value, sizes = auc(ours, theirs), (len(ours), len(theirs))
    if value in (0.0, 1.0):
        slack = 1 - ((1 - confidence) / 2) ** (1 / min(sizes))
        return (0.0, slack) if value == 0 else (1 - slack, 1.0)
    variance = _variance(ours, theirs) + _variance(-theirs, -ours)
    half = float(ndtri((1 + confidence) / 2)) * variance**0.5 / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


def _variance(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Of the mean, over ours, of the share of theirs that is lower."""
    order = np.sort(theirs)
    below = np.searchsorted(order, ours, "left") + np.searchsorted(order, ours, "right")
    return float((below / (2 * len(theirs))).var(ddof=1) / len(ours)) if len(ours) > 1 else 0.25

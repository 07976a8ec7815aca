"""Intervals for a mean over queries, by drawing the queries again and again (Efron, 1979).

They say how far the mean could be from that over all queries of the same kind, if these were drawn
from them at random. The draws depend on the seed and on how many queries there are, and on nothing
else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from negatives.arrays import Doubles
from negatives.chance import mix, stream_key, uniforms
from negatives.errors import InputError

RESAMPLES: Final = 2000
_AT_ONCE: Final = 2_000_000
"""Numbers drawn together, whatever is asked: 16 MB of them."""


@dataclass(frozen=True, slots=True)
class Interval:
    """`value` between `low` and `high`; both None for fewer than two queries, which tell nothing
    of others.
    """

    value: float
    low: float | None
    high: float | None


def interval(
    values: Doubles,
    *,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
    method: Literal["bca", "percentile"] = "bca",
) -> Interval:
    """The mean of float64[queries] `values` and where the mean of all such queries may be.

    `percentile` takes the quantiles of the resampled means; `bca` corrects them for bias and for
    skewness (Efron, JASA 1987), which matters for few queries and metrics near 0 or 1.
    """
    check_confidence(confidence)
    value = float(values.mean()) if len(values) else 0.0
    if len(values) < 2:
        return Interval(value, None, None)
    if np.ptp(values) == 0:
        return Interval(value, value, value)
    means = resampled_means(values, seed, resamples)
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "bca":
        tails = _corrected(tails, values, means)
    low, high = np.quantile(means, tails)
    return Interval(value, float(low), float(high))


def resampled_means(values: Doubles, seed: int, resamples: int) -> Doubles:
    """float64[resamples]: the mean of as many values as there are, drawn with replacement."""
    count, key = len(values), stream_key(seed, "bootstrap")
    means = np.empty(resamples)
    step = max(1, _AT_ONCE // count)
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        numbers = np.arange(start * count, stop * count, dtype=np.uint64)
        drawn = (uniforms(mix(numbers), key) * count).astype(np.int64)
        means[start:stop] = values[drawn].reshape(stop - start, count).mean(axis=1)
    return means


def check_confidence(confidence: float) -> None:
    """Raise `InputError` unless it is a share."""
    if not 0 < confidence < 1:
        raise InputError(
            f"a confidence of {confidence:g}", fix="give a share between 0 and 1, such as 0.95"
        )


def _corrected(tails: Doubles, values: Doubles, means: Doubles) -> Doubles:
    """The quantiles to take instead of `tails`, by bias and acceleration."""
    from scipy.special import ndtr, ndtri

    mean = values.mean()
    below = (means < mean).mean() + (means == mean).mean() / 2
    bias = ndtri(np.clip(below, 1 / len(means), 1 - 1 / len(means)))
    apart = values - mean  # leaving one out moves the mean against it, by as much for each
    skew = (apart**3).sum() / (6 * (apart**2).sum() ** 1.5)
    moved = bias + ndtri(tails)
    corrected: Doubles = ndtr(bias + moved / (1 - skew * moved))
    return corrected

"""Minority guidance: rare samples, found by how badly a denoiser makes them again, and asked for.

    score of x    the mean distance between x and what one step of denoising makes of noisy x
    class         the place of the score among the quantiles of all scores, the last the rarest
    guided e      e - sqrt(1 - a) scale grad_x log p(class | noisy x)

A denoiser makes of a rare sample a common one, so that the distance tells how rare it is. So does
it for what is no sample at all, such as a spoiled image: `cap` sets the worst aside. Um et al. 2024
(arXiv 2301.12334).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from negatives.arrays import Bools, Doubles, Places
from negatives.errors import DataError
from negatives.guide.namespace import Array, finite, per_sample, same_shape


def minority_scores(
    samples: Array, remade: Array, distance: Callable[[Array, Array], Array] | None = None
) -> Array:
    """How rare each sample is: how far from it is what was made of it, on average over the draws.

    samples: float[samples, ...]; remade: float[draws, samples, ...], the clean samples that a
    denoiser sees in them after noise was added (`guide.clean_sample`). `distance`: of two arrays of
    samples, a number each; without one, the mean of the squared differences.

    >>> import numpy as np
    >>> minority_scores(np.array([[0.0], [3.0]]), np.array([[[0.0], [1.0]]])).tolist()
    [0.0, 4.0]
    """
    if not len(remade):
        raise DataError("nothing was remade", fix="give float[draws, samples, ...]")
    total: Array = 0
    for each in remade:
        same_shape(samples=samples, remade=each)
        found = (
            (per_sample(samples - each) ** 2).mean(-1)
            if distance is None
            else distance(samples, each)
        )
        total = total + found
    return total / len(remade)


def minority_classes(scores: Doubles, classes: int, *, cap: float = 1.0) -> tuple[Places, Doubles]:
    """int64[samples], the class of each score from 0 to classes - 1, and the upper ends.

    Classes are of nearly equal size where scores differ. `cap`: of the highest scores, those above
    this quantile count as spoiled and have the class -1, and the others are divided.

    >>> import numpy as np
    >>> minority_classes(np.arange(1, 9) / 10, 4)[0].tolist()
    [0, 0, 1, 1, 2, 2, 3, 3]
    """
    scores = np.asarray(scores, np.float64)
    if not 1 <= classes <= len(scores) or not np.isfinite(scores).all() or not 0 < cap <= 1:
        raise DataError(
            f"{classes:,} classes of {len(scores):,} scores, up to the quantile {cap:g}",
            fix="finite scores, from 1 class to one a score, a quantile above 0 and at most 1",
        )
    kept: Bools = scores <= np.quantile(scores, cap)
    ends = np.quantile(scores[kept], np.arange(1, classes + 1) / classes)
    # A quantile is interpolated and may fall short of the highest score by rounding.
    found = np.minimum(np.searchsorted(ends, scores, side="left"), classes - 1)
    return np.where(kept, found, -1).astype(np.int64), ends


def classifier_guided(noise: Array, gradient: Array, scale: float, signal: float) -> Array:
    """A prediction of noise, turned to where a classifier of noisy samples finds a class.

    gradient: of log p(class | noisy sample) with respect to the sample; signal: the share of it
    (alpha-bar) at this step. A scale of 0 guides nowhere.

    >>> import numpy as np
    >>> classifier_guided(np.array([[1.0]]), np.array([[0.5]]), 2.0, 0.75).tolist()
    [[0.5]]
    """
    if not 0 < signal <= 1:
        raise DataError(f"a share of signal of {signal:g}", fix="it is above 0 and at most 1")
    finite(scale=scale)
    same_shape(noise=noise, gradient=gradient)
    return noise - math.sqrt(1 - signal) * scale * gradient

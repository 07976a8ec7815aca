"""Guidance of a denoiser: one prediction out of those with and without a condition.

    u, c, n     predictions without a condition, with the wanted and with the unwanted one
    d = c - u, e = n - u

    cfg              u + s d                         Ho and Salimans 2022, with s = 1 the condition
    negative prompt  n + s (c - n)                   the unwanted in place of no condition
    subtracted       u + s (d - w e)                 takes with e what d shares with it
    perp-neg         u + s (d - w (e - <e, d> / <d, d> d))      only what d does not share

A negative prompt is a subtraction: n + s (c - n) = u + s (d - w e) with w = (s - 1) / s, so that it
has no strength of its own beside the scale. Perp-Neg leaves exactly s along d, whatever the
negatives: a negative that is the positive takes nothing away. Armandpour et al. 2023
(arXiv 2304.04968).

Predictions are float[samples, ...] of one kind, noise, score, velocity or vectors of one centred
space, as arrays of numpy or torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from negatives.errors import DataError
from negatives.guide.namespace import (
    Array,
    as_weights,
    finite,
    like_samples,
    per_sample,
    same_shape,
)

SMALLEST = 1e-6
"""The squared length below which a direction points nowhere, so that nothing lies along it."""


def cfg(unconditional: Array, conditional: Array, scale: float) -> Array:
    """Classifier-free guidance: from the prediction without the condition past the one with it.

    `scale`: 0 leaves the condition out, 1 is the conditional prediction, above 1 goes beyond it
    (papers that call the conditional prediction 0 mean one less).

    >>> import numpy as np
    >>> cfg(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]]), 3.0).tolist()
    [[4.0, 0.0]]
    """
    finite(scale=scale)
    same_shape(unconditional=unconditional, conditional=conditional)
    return unconditional + scale * (conditional - unconditional)


def negative_prompt(negative: Array, conditional: Array, scale: float) -> Array:
    """A negative prompt: `cfg` away from the unwanted prediction in place of the unconditional.

    It is `subtracted` with the weight (scale - 1) / scale; at scale 1 it does nothing.

    >>> import numpy as np
    >>> negative_prompt(np.array([[0.6, 0.8]]), np.array([[1.0, 0.0]]), 7.5).round(6).tolist()
    [[3.6, -5.2]]
    """
    finite(scale=scale)
    same_shape(negative=negative, conditional=conditional)
    return negative + scale * (conditional - negative)


def subtracted(
    unconditional: Array,
    conditional: Array,
    negatives: Sequence[Array],
    weights: float | Sequence[float] = 1.0,
    *,
    scale: float = 7.5,
) -> Array:
    """The directions of the unwanted taken from that of the wanted, the overlap with it too.

    >>> import numpy as np
    >>> none, wanted, unwanted = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[0.6, 0.8]]])
    >>> subtracted(none, wanted, [unwanted], 1.0, scale=7.5).tolist()
    [[3.0, -6.0]]
    """
    finite(scale=scale)
    _all_alike(unconditional, conditional, negatives)
    direction = conditional - unconditional
    pairs = zip(as_weights(weights, len(negatives), "negatives"), negatives, strict=True)
    for weight, negative in pairs:
        direction = direction - weight * (negative - unconditional)
    return unconditional + scale * direction


def perp_neg(
    unconditional: Array,
    conditional: Array,
    negatives: Sequence[Array],
    weights: float | Sequence[float] = 1.0,
    *,
    scale: float = 7.5,
    positives: Sequence[Array] = (),
    positive_weights: float | Sequence[float] = 1.0,
) -> Array:
    """Perp-Neg: of each unwanted direction, only what is perpendicular to the wanted one.

    `conditional` is the main prompt, of weight 1; of further `positives`, too, only what is
    perpendicular to it is added. The weights of many negatives add up: give them smaller ones.

    >>> import numpy as np
    >>> none, wanted, unwanted = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[0.6, 0.8]]])
    >>> perp_neg(none, wanted, [unwanted], 1.0, scale=7.5).tolist()
    [[7.5, -6.0]]
    >>> perp_neg(none, wanted, [wanted], 5.0, scale=7.5).tolist()
    [[7.5, 0.0]]
    """
    finite(scale=scale)
    _all_alike(unconditional, conditional, negatives)
    _all_alike(unconditional, conditional, positives)
    main = conditional - unconditional
    direction = main
    for sign, each, given, of in (
        (-1, negatives, weights, "negatives"),
        (1, positives, positive_weights, "positives"),
    ):
        for weight, other in zip(as_weights(given, len(each), of), each, strict=True):
            apart = perpendicular(other - unconditional, main)
            direction = direction + sign * weight * apart
    return unconditional + scale * direction


def perpendicular(vectors: Array, to: Array) -> Array:
    """What of each sample's vector is not along that sample's other vector.

    The inner product is over all values of one sample, never over the batch. Where `to` is nearly
    zero nothing lies along it, and the vector stays whole.

    >>> import numpy as np
    >>> to = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> perpendicular(np.array([[0.6, 0.8], [1.0, 0.0]]), to).tolist()
    [[0.0, 0.8], [1.0, 0.0]]
    """
    same_shape(vectors=vectors, to=to)
    flat, other = per_sample(vectors), per_sample(to)
    along = (flat * other).sum(-1) / (other * other).sum(-1).clip(SMALLEST)
    return vectors - like_samples(along, vectors) * to


def _all_alike(unconditional: Array, conditional: Array, others: Sequence[Array]) -> None:
    if hasattr(others, "shape"):
        raise DataError(
            "the negatives are one array, whose first axis would be taken for a list",
            fix="give a list of predictions: [negative]",
        )
    named = {f"number {place}": other for place, other in enumerate(others, 1)}
    same_shape(unconditional=unconditional, conditional=conditional, **named)

"""NegToMe: features pushed away from those of a reference, token by token.

    s(i, j) = cos(h_i, r_j)       each token of the sample against each of the reference
    j* = argmax_j s(i, j)         its match
    h_i' = (1 + alpha) h_i - alpha r_j*   where s(i, j*) > threshold, else h_i

It is applied after attention, at the first steps of a generation. The match is looked for among the
tokens of the reference; a released implementation takes the maximum over the other axis, and its
index then points at a token that has nothing to do with the one that is moved. Singh et al. 2024
(arXiv 2412.01339).
"""

from __future__ import annotations

from negatives.errors import DataError
from negatives.guide.namespace import Array, largest, namespace, one_library


def negtome(
    hidden: Array,
    reference: Array,
    *,
    alpha: float = 0.9,
    threshold: float = 0.65,
    mask: Array | None = None,
) -> Array:
    """float[..., tokens, features], each token away from the token of `reference` nearest to it.

    `reference`: float[..., its tokens, features]; `mask`: bool[..., its tokens], those that may be
    a match. A token without a match above `threshold` stays as it is, one that is its own match
    too; at threshold 1 all do. Several references are one with the tokens of all.

    >>> import numpy as np
    >>> negtome(np.eye(2), np.array([[0.9, 0.1], [-1.0, 0.0]])).round(6).tolist()
    [[1.09, -0.09], [0.0, 1.0]]
    """
    one_library(hidden=hidden, reference=reference)
    if hidden.shape[-1] != reference.shape[-1] or min(len(hidden.shape), len(reference.shape)) < 2:
        raise DataError(
            f"features {tuple(hidden.shape)} and of the reference {tuple(reference.shape)}",
            fix="both are float[..., tokens, features] of one layer",
        )
    if not reference.shape[-2]:
        raise DataError("the reference has no token", fix="give one to be moved away from, or more")
    if not 0 <= alpha < float("inf"):
        raise DataError(f"an alpha of {alpha:g}", fix="0 or above: away from the reference")
    if not -1 <= threshold <= 1:
        raise DataError(f"a threshold of {threshold:g}", fix="it is a cosine: from -1 to 1")
    xp = namespace(hidden)
    alike = _unit(hidden) @ xp.swapaxes(_unit(reference), -1, -2)
    if mask is not None:
        alike = xp.where(mask[..., None, :], alike, -2.0)
    best = largest(alike)
    # Tokens that are equally near are taken together, so that their order means nothing.
    matches = xp.where(alike == best, alike * 0 + 1, alike * 0)
    matched = (matches / matches.sum(-1)[..., None]) @ reference
    return xp.where(best > threshold, (1 + alpha) * hidden - alpha * matched, hidden)


def _unit(tokens: Array) -> Array:
    """Each token at length 1; one of no length, which resembles nothing, stays at 0."""
    lengths = (tokens * tokens).sum(-1)[..., None] ** 0.5
    return tokens / lengths.clip(1e-12)

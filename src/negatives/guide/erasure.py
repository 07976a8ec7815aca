"""Erasing a concept with its neighbours, and keeping what lies beyond them (RealEra).

    ring       vectors whose cosine with a concept is between two bounds: its near negatives
    beyond     vectors further away than that: what must be kept
    erased     W* = (sum v k' + sum W p p' + t W) (sum k k' + sum p p' + t I)^-1

W maps the vector of a condition to what a model attends to. W* maps each erased k (the concept and
its ring) to a chosen v, keeps W p for the kept p, and is near W elsewhere, the nearer the larger t.
Liu et al. 2024 (arXiv 2410.09140); a reconstruction from the abstract: the bounds and the weights
are ours, and the solution is the known one of least squares.

Vectors of texts mostly point one way, so that a cosine of .9 says little: centre them first.
"""

from __future__ import annotations

import numpy as np

from negatives.arrays import Bools, Doubles
from negatives.errors import DataError


def ring(
    concept: Doubles, number: int, *, lowest: float = 0.6, highest: float = 0.9, seed: int = 0
) -> Doubles:
    """float64[number, features]: random vectors at a cosine from `lowest` to `highest`, as long.

    >>> import numpy as np
    >>> near = ring(np.array([1.0, 0.0, 0.0]), 4, lowest=0.9, highest=0.9)
    >>> near[:, 0].round(6).tolist(), np.linalg.norm(near - [1, 0, 0], axis=1).round(6).tolist()
    ([0.9, 0.9, 0.9, 0.9], [0.447214, 0.447214, 0.447214, 0.447214])
    """
    concept = np.asarray(concept, np.float64)
    length = float(np.linalg.norm(concept)) if concept.ndim == 1 else 0.0
    if not length > 0 or len(concept) < 2:
        raise DataError(
            f"the concept, of shape {concept.shape}, has no direction",
            fix="give float[features], two or more and not all 0",
        )
    _bounds(lowest, highest)
    random = np.random.default_rng(seed)
    unit = concept / length
    cosines = random.uniform(lowest, highest, (number, 1))
    across = random.normal(size=(number, len(concept)))
    across -= (across @ unit)[:, None] * unit
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    made: Doubles = length * (cosines * unit + np.sqrt(1 - cosines**2) * across)
    return made


def in_ring(
    vectors: Doubles, concept: Doubles, *, lowest: float = 0.6, highest: float = 0.9
) -> Bools:
    """bool[vectors]: real vectors, of words or of items, that are in the ring: negatives by name.

    Those with a cosine below `lowest` are beyond it, and may be kept.

    >>> import numpy as np
    >>> in_ring(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), np.array([1.0, 0.0])).tolist()
    [False, True, False]
    """
    _bounds(lowest, highest)
    cosines = _cosines(vectors, concept)
    return np.asarray((lowest <= cosines) & (cosines <= highest))


def beyond(vectors: Doubles, concept: Doubles, *, lowest: float = 0.6) -> Bools:
    """bool[vectors]: those further from the concept than its ring, which an erasure may keep.

    >>> import numpy as np
    >>> beyond(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), np.array([1.0, 0.0])).tolist()
    [False, False, True]
    """
    return np.asarray(_cosines(vectors, concept) < lowest)


def erased(
    weights: Doubles,
    erase: Doubles,
    targets: Doubles,
    keep: Doubles | None = None,
    *,
    tie: float = 0.1,
) -> Doubles:
    """float64[outputs, features]: the matrix that maps what is erased to its targets.

    weights: float[outputs, features]; erase: float[erased, features], the concept and its ring;
    targets: float[erased, outputs], mostly `weights` times the vector of a harmless concept; keep:
    float[kept, features]; tie: how much every other direction is held where it was, above 0.

    >>> import numpy as np
    >>> new = erased(2 * np.eye(2), np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]]), tie=1e-9)
    >>> new.round(6).tolist()
    [[0.0, 0.0], [3.0, 2.0]]
    """
    weights, erase, targets = (np.asarray(each, np.float64) for each in (weights, erase, targets))
    features = weights.shape[-1]
    kept = np.empty((0, features)) if keep is None else np.asarray(keep, np.float64)
    if erase.shape[1:] != (features,) or kept.shape[1:] != (features,):
        raise DataError(
            f"vectors of shape {erase.shape} and {kept.shape} for weights of {weights.shape}",
            fix="erase and keep are float[vectors, features], weights float[outputs, features]",
        )
    if targets.shape != (len(erase), len(weights)):
        raise DataError(
            f"targets of shape {targets.shape} for {len(erase):,} erased vectors",
            fix="float[erased, outputs]: what each of them becomes",
        )
    if not tie > 0:
        raise DataError(
            f"a tie of {tie:g}", fix="above 0, or nothing says what becomes of the rest"
        )
    both = [row for row in erase if (kept == row).all(1).any()]
    if both:
        raise DataError(
            f"{len(both):,} vectors are to be erased and kept", fix="keep what `beyond` finds"
        )
    # Solved for the change, which is 0 for what is kept, rather than for the whole matrix.
    system = erase.T @ erase + kept.T @ kept + tie * np.eye(features)
    missing = (targets - erase @ weights.T).T @ erase
    return np.asarray(weights + np.linalg.solve(system, missing.T).T)


def _cosines(vectors: Doubles, concept: Doubles) -> Doubles:
    lengths = np.linalg.norm(vectors, axis=-1) * np.linalg.norm(concept)
    return np.asarray((vectors @ concept) / np.maximum(lengths, 1e-300))


def _bounds(lowest: float, highest: float) -> None:
    if not -1 <= lowest <= highest <= 1:
        raise DataError(
            f"a ring of cosines from {lowest:g} to {highest:g}",
            fix="-1 <= lowest <= highest <= 1; .6 and .9 for centred vectors",
        )

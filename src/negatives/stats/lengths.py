"""Lengths of vectors, and vectors of length 1, at any scale that a number can have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles, Floats

Wide = NDArray[np.floating[Any]]
"""float32 or float64: vectors as they were given, of which float32 may not hold the scale."""

_CHUNK = 256  # rows converted at once: they stay in a core's cache
_NEAR_ONE = 1e-6  # what rounding to float32 leaves of a length of 1, several times over
_LEAST, _MOST = 1e-15, 1e15  # of a length: what is squared on the way stays well within float32


def normalised(vectors: Wide) -> Floats:
    """float32: each row divided by its Euclidean norm, at any scale; a zero row stays zero."""
    result = np.empty(vectors.shape, np.float32)
    for start in range(0, len(vectors), _CHUNK):
        part, out = vectors[start : start + _CHUNK], result[start : start + _CHUNK]
        with np.errstate(over="ignore", under="ignore"):  # such rows are seen to below
            norms = np.linalg.norm(part, axis=1, keepdims=True)
            np.divide(part, np.where(norms > 0, norms, 1), out=out)
        odd = ~((norms > _LEAST) & (norms < _MOST))[:, 0]
        if odd.any():
            scaled, _ = _scaled(part[odd])
            lengths_ = np.linalg.norm(scaled, axis=1, keepdims=True)
            out[odd] = scaled / np.where(lengths_ > 0, lengths_, 1)
    return result


def of_length_one(vectors: Wide) -> Bools:
    """bool[n]: whether a row is as long as 1, but for what rounding to float32 left, or all zero.

    Divided by its norm it would be no nearer to length 1 than to what it is.
    """
    with np.errstate(over="ignore", under="ignore"):
        squares = np.einsum("nd,nd->n", vectors, vectors)
    made: Bools = np.abs(squares - 1) <= 2 * _NEAR_ONE
    maybe = np.flatnonzero(squares == 0)  # of tiny numbers, too
    made[maybe] = ~vectors[maybe].any(axis=1)
    return made


def lengths(vectors: Floats) -> Floats:
    """float32[n]: Euclidean length of each row; infinite where float32 cannot hold it."""
    with np.errstate(over="ignore", under="ignore"):
        found: Floats = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        odd = np.flatnonzero(~((found > _LEAST) & (found < _MOST)))
        if len(odd):
            scaled, sizes = _scaled(vectors[odd])
            found[odd] = np.linalg.norm(scaled, axis=1) * sizes[:, 0]
    return found


def _scaled(vectors: Wide) -> tuple[Doubles, Doubles]:
    """Rows divided by their largest absolute component, and that component (1 for zeros)."""
    wide = vectors.astype(np.float64)
    sizes = np.abs(wide).max(axis=1, keepdims=True, initial=0)
    sizes[sizes == 0] = 1
    return wide / sizes, sizes

"""Rows in a random order, and random numbers: by the seed and the name of a stream alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Places
from negatives.chance import mix, stream_key, uniforms


def permutation(length: int, seed: int, stream: str) -> Places:
    """int64[length]: 0 .. length - 1, shuffled; depends on the seed and the stream's name only."""
    numbers = np.arange(length, dtype=np.uint64)
    # The finaliser is a bijection: no two hashes are the same, so every way to sort is stable.
    return np.argsort(mix(numbers ^ stream_key(seed, f"batch/{stream}")))


def draws(length: int, seed: int, stream: str) -> NDArray[np.float64]:
    """float64[length] in (0, 1); depends on the seed and the stream's name only."""
    return uniforms(np.arange(length, dtype=np.uint64), stream_key(seed, f"batch/{stream}"))

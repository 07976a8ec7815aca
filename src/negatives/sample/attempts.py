"""Which random number decides a slot: that of the row's key, the slot, and the attempt."""

from __future__ import annotations

from typing import Final

import numpy as np

NO_DOC: Final = np.uint32(2**32 - 1)
"""Stands where there was nothing left to draw."""

ATTEMPTS: Final = 32
BY_RANK: Final = 63
"""The number of the attempt that is made among what is left."""

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
"""splitmix64's step: slot s of a row gets the s-th number after the row's key."""


def attempt_offset(attempt: int) -> np.uint64:
    """What the number of an attempt adds to a row's key and slot."""
    return np.uint64((attempt << 32) * int(GOLDEN) % 2**64)

"""Time series as numbers: from what a `.ts` file holds to rows of one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from negatives.arrays import Doubles, Floats
from negatives.errors import DataError

_SHOWN: Final = 40
_FIX: Final = "write numbers by commas, dimensions by colons, and ? for a value that is missing"


def numbers(series: Sequence[str], dimensions: int, length: int) -> Floats:
    """float32[series, dimensions, length]: series as they are compared.

    Each dimension is stretched to `length` steps by straight lines between its values, and then has
    the mean 0 and the standard deviation 1, or is 0 where it never changes. Values that are missing
    (`?`, NaN) lie on the line between those beside them; of a series of nothing ("") all are 0.
    Raises `DataError` for another number of dimensions, and for what is no number.

    >>> from negatives.models.series import numbers
    >>> numbers(["0,?,2:5,5", "-1.5e3,-1.5e3,4,4:0,1"], dimensions=2, length=3).round(2).tolist()
    [[[-1.22, 0.0, 1.22], [0.0, 0.0, 0.0]], [[-1.22, 0.0, 1.22], [-1.22, 0.0, 1.22]]]
    """
    made = np.zeros((len(series), dimensions, length), np.float32)
    for row, text in enumerate(series):
        if not text:
            continue
        parts = text.split(":")
        if len(parts) != dimensions:
            raise DataError(
                f"a series has {len(parts)} dimensions, and {dimensions} are read",
                where=f"the series {text[:_SHOWN]!r}",
                fix=f"--set train.dimensions={len(parts)}, or a model that was trained so",
            )
        for dimension, part in enumerate(parts):
            made[row, dimension] = _standard(_stretched(_values(part), length))
    return made


def _values(text: str) -> Doubles:
    """float64[n]; NaN where a value is missing."""
    try:
        found = np.array(text.replace("?", "nan").split(","), np.float64)
    except ValueError:
        raise DataError(
            "a series holds what is no number", where=f"the series {text[:_SHOWN]!r}", fix=_FIX
        ) from None
    if np.isinf(found).any():
        raise DataError(
            "a series holds an infinite number", where=f"the series {text[:_SHOWN]!r}", fix=_FIX
        )
    return found


def _stretched(values: Doubles, length: int) -> Doubles:
    """float64[length]: of n values, of which the first and the last are kept."""
    there = np.flatnonzero(~np.isnan(values))
    if not len(there):
        return np.zeros(length)
    at = np.linspace(0, len(values) - 1, length)
    return np.asarray(np.interp(at, there, values[there]))


def _standard(values: Doubles) -> Doubles:
    """Mean 0 and standard deviation 1, but where they are all but the same."""
    centred = values - values.mean()
    spread = float(values.std())
    least = 1e-9 * max(1.0, float(np.abs(values).max()))
    return centred / spread if spread > least else np.zeros_like(values)

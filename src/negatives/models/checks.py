"""The checks that vectors pass before they are stored or searched."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Floats
from negatives.errors import DataError
from negatives.stats.lengths import Wide

FIRST: Final = 5
"""Offenders an error lists."""

ALSO_READ: Final = "float16, bfloat16, float64 and whole numbers of 8 or 16 bits are read too"
"""Types of files of vectors besides float32, for messages."""


def check_vectors(
    vectors: Wide, ids: pl.Series, what: str, where: str, *, allowed_zero: Bools | None = None
) -> None:
    """Raise `DataError` if a vector has a NaN or infinity, or is all zero.

    `vectors`: float[n, dim]; `ids`: their n ids; `what` they are of ("corpus", "queries");
    `where` they came from (a file, an encoder). `allowed_zero`: bool[n], True where zeros are
    right because the text is empty.
    """
    check_finite(vectors, ids, what, where)
    zero = zeros(vectors)
    if allowed_zero is not None:
        zero &= ~allowed_zero
    if zero.any():
        raise DataError(
            f"{int(zero.sum())} vectors of the {what} are all zero: {named(ids, zero)}",
            where=where,
            fix="encode these texts again, or take them out: they have no direction to compare by",
        )


def check_finite(vectors: Wide, ids: pl.Series, what: str, where: str) -> None:
    """Raise `DataError` if a vector has a NaN or infinity; the arguments are `check_vectors`'."""
    # Only a row whose squares do not add up to a finite number may be wrong.
    with np.errstate(over="ignore", under="ignore"):
        squares = np.einsum("nd,nd->n", vectors, vectors)
    wrong: Bools = ~np.isfinite(squares)
    wrong[wrong] = ~np.isfinite(vectors[wrong]).all(axis=1)
    if wrong.any():
        raise DataError(
            f"{int(wrong.sum())} vectors of the {what} contain NaN or infinity: "
            f"{named(ids, wrong)}",
            where=where,
            fix="encode these texts again, or take them out: they have no direction to compare by",
        )


def single(vectors: Wide, ids: pl.Series, what: str, where: str) -> Floats:
    """Finite vectors as float32; `DataError` where that makes infinity, or nothing, of one."""
    with np.errstate(over="ignore", under="ignore"):
        found: Floats = vectors.astype(np.float32, copy=False)
    if vectors.dtype == np.float32:
        return found
    wrong: Bools = zeros(found) & ~zeros(vectors)
    wrong |= np.isinf(found).sum(axis=1) > 0
    if wrong.any():
        raise DataError(
            f"{int(wrong.sum())} vectors of the {what} are too long or too short for single "
            f"precision: {named(ids, wrong)}",
            where=where,
            fix='use similarity = "cosine", which does not depend on lengths, or scale all '
            "vectors alike",
        )
    return found


def zeros(vectors: Wide) -> Bools:
    """bool[n]: whether a vector is all zero."""
    return np.logical_not(np.asarray(vectors.any(axis=1)))


def named(ids: pl.Series, chosen: Bools) -> str:
    """The first of the chosen ids, for a message."""
    return ", ".join(ids.filter(pl.Series(chosen)).cast(pl.String)[:FIRST])

"""The check that vectors pass before they are stored or searched."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.schema import Floats

FIRST: Final = 5
"""Offenders an error lists."""


def check_vectors(
    vectors: Floats,
    ids: pl.Series,
    what: str,
    where: str,
    *,
    allowed_zero: NDArray[np.bool_] | None = None,
) -> None:
    """Raise `DataError` if a vector has a NaN or infinity, or is all zero.

    `vectors`: float32[n, dim]; `ids`: their n ids; `what` they are of ("corpus", "queries");
    `where` they came from (a file, an encoder). `allowed_zero`: bool[n], True where zeros are
    right because the text is empty.
    """
    # Only a row whose squares do not add up to a positive number may be wrong.
    squares = np.einsum("nd,nd->n", vectors, vectors)
    suspect = np.flatnonzero(~((squares > 0) & (squares < np.inf)))
    if not len(suspect):
        return
    vectors, ids = vectors[suspect], ids.gather(suspect)
    unusable = ~np.isfinite(vectors).all(axis=1)
    zero = ~vectors.any(axis=1)
    if allowed_zero is not None:
        zero &= ~allowed_zero[suspect]
    for wrong, how in ((unusable, "contain NaN or infinity"), (zero, "are all zero")):
        if wrong.any():
            first = ids.filter(pl.Series(wrong)).cast(pl.String)[:FIRST]
            raise DataError(
                f"{int(wrong.sum())} vectors of the {what} {how}: {', '.join(first)}",
                where=where,
                mend="encode these texts again, or take them out: they have no direction to "
                "compare by",
            )

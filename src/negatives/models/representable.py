"""Inner products whose size single precision cannot hold: refused, before anything is compared.

A cosine depends on no scale. An inner product does: of vectors 1e30 long it is beyond float32, and
of vectors 1e-25 long it is 0, so that every document would come out alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.models.checks import named
from negatives.stats.lengths import lengths
from negatives.store.vectors import read_block

LARGEST: Final = float(np.finfo(np.float32).max) / 2
"""Of a length, and of the product of two: what float32 holds, rounding included."""
LEAST: Final = float(np.finfo(np.float32).tiny) / float(np.finfo(np.float32).eps)
"""Of the product of two lengths: below it, parts that float32 would tell apart become 0."""

_BLOCK = 4096


def representable(
    blocks: Iterable[Floats], queries: Floats, query_ids: pl.Series, doc_ids: pl.Series, where: str
) -> Iterator[Floats]:
    """The blocks of document vectors as they come; `DataError` at their end.

    It is raised where the longest document and a query (float32[q, d]) have lengths whose product
    float32 cannot hold, or where their inner product can only come out as 0 or nearly so.
    """
    longest, row, start = 0.0, 0, 0
    for block in blocks:
        found = lengths(block)
        if found.max(initial=0) > longest:
            longest, row = float(found.max()), start + int(found.argmax())
        start += len(block)
        yield block
    if longest == 0:
        return
    sizes = np.concatenate(
        [lengths(read_block(queries, n, n + _BLOCK)) for n in range(0, len(queries), _BLOCK)]
        or [np.zeros(0, np.float32)]
    ).astype(np.float64)
    most = float(sizes.max(initial=0))
    if max(most, longest, most * longest) > LARGEST:
        query = query_ids[int(sizes.argmax())]
        raise DataError(
            f"inner products beyond single precision: the vector of query {query} has length "
            f"{most:.3g}, that of document {doc_ids[row]} {longest:.3g}",
            where=where,
            fix='use similarity = "cosine", or scale all vectors down alike',
        )
    short = (sizes > 0) & (sizes * longest < LEAST)
    if short.any():
        raise DataError(
            f"inner products too small for single precision: no document's vector is longer than "
            f"{longest:.3g}, and {int(short.sum())} queries' are as short as "
            f"{sizes[short].min():.3g}: {named(query_ids, short)}",
            where=where,
            fix='use similarity = "cosine", or scale all vectors up alike',
        )

"""The vectors of a collection's two sides, looked up by id."""

from __future__ import annotations

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.events import Warned
from negatives.models.by_id import FIRST, IdEncoder, IdTable
from negatives.models.checks import check_finite
from negatives.models.embedded import Embedded, key_of
from negatives.opening import Context
from negatives.stats.lengths import normalised
from negatives.store.vectors import open_vectors, write_vectors


def embed_by_id(encoder: IdEncoder, context: Context, label: str) -> Embedded:
    """Both sides of a collection, looked up; compared as the model was trained to be."""
    collection = context.collection
    key = key_of(encoder.fingerprint, "ids")
    of_side = {
        "queries": collection.queries["query_id"].gather(collection.mined_queries),
        "docs": collection.corpus["doc_id"],
    }
    made: list[Floats] = []
    for table in encoder.sides:
        path, ids = context.scratch / f"{table.side}-{key}.npy", of_side[table.side]
        if not path.exists():
            vectors = _of_queries(table, ids, context) if table.side == "queries" else table.of(ids)
            check_finite(vectors, ids, table.side, f"{label}: {table.folder}")
            ready = normalised(vectors) if encoder.similarity == "cosine" else vectors
            write_vectors(path, len(ready), encoder.dim, iter([ready]))
        made.append(open_vectors(path))
    return Embedded(key, made[0], made[1])


def _of_queries(table: IdTable, ids: pl.Series, context: Context) -> Floats:
    """Vectors of queries; zeros of those that were not trained, unless that is most of them."""
    known = table.knows(ids)
    if 2 * int(known.sum()) < len(ids):
        return table.of(ids)  # which says so
    made = np.zeros((len(ids), table.dim), np.float32)
    made[known.to_numpy()] = table.of(ids.filter(known))
    missing = ids.filter(~known)
    if len(missing):
        listed = ", ".join(map(repr, missing[:FIRST]))
        were, them = ("was", "it") if len(missing) == 1 else ("were", "them")
        context.emit(
            Warned(
                f"{len(missing):,} of {len(ids):,} queries {were} not trained, and every document "
                f"has the score 0 for {them}: {listed}"
            )
        )
    return made

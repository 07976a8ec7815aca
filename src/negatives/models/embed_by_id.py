"""The vectors of a collection's two sides, looked up by id."""

from __future__ import annotations

import numpy as np

from negatives.models.by_id import IdEncoder
from negatives.models.checks import check_vectors
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
    made = []
    for table in encoder.sides:
        path, ids = context.scratch / f"{table.side}-{key}.npy", of_side[table.side]
        if not path.exists():
            rows = table.rows_of(ids).to_numpy()
            vectors = np.ascontiguousarray(table.vectors[rows])
            check_vectors(vectors, ids, table.side, f"{label}: {table.folder}")
            ready = normalised(vectors) if encoder.similarity == "cosine" else vectors
            write_vectors(path, len(ready), encoder.dim, iter([ready]))
        made.append(open_vectors(path))
    return Embedded(key, *made)

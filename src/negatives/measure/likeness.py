"""How like queries are to one another, by vectors of an encoder other than the model under test."""

from __future__ import annotations

import numpy as np
import polars as pl

from negatives.arrays import Floats, Places, Rows
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder
from negatives.search.blas import Blas
from negatives.search.exact import top_k
from negatives.stats.k_means import moved_centres, nearest_centres
from negatives.stats.lengths import normalised

_AT_ONCE = 8192
_ROUNDS = 50


def unit_vectors(texts: pl.Series, encoder: str | Encoder = "static") -> Floats:
    """float32[texts, dim] of length 1; zeros stay."""
    opened = open_encoder(encoder) if isinstance(encoder, str) else encoder
    parts = [np.empty((0, opened.dim), np.float32)]
    for start in range(0, len(texts), _AT_ONCE):
        made = opened.encode(texts[start : start + _AT_ONCE].to_list()).vectors
        parts.append(normalised(made))
    return np.concatenate(parts)


def nearest_of(queries: Floats, others: Floats, k: int) -> tuple[Rows, Floats]:
    """(uint32[q, k], float32[q, k]): the `k` most similar `others` of each query, and how similar.

    Exact and in bounded memory, however many there are.
    """
    return top_k(queries, others, k, backend=Blas())


def bucketed(vectors: Floats, ids: pl.Series, buckets: int, seed: int) -> Places:
    """int64[n] in 0 .. buckets - 1: k-means by cosine (Dhillon and Modha, 2001).

    The first centre is drawn by `seed` and ids, each next one is the vector farthest from those
    there are; so the result does not depend on the order of the rows.
    """
    buckets = min(buckets, len(vectors))
    order = np.argsort(uniforms(id_hashes(ids), stream_key(seed, "buckets")), kind="stable")
    centres = vectors[order[:1]]
    nearest = np.full(len(vectors), -np.inf, np.float32)
    for _ in range(buckets - 1):
        nearest = np.maximum(nearest, np.einsum("nd,d->n", vectors, centres[-1]))
        far = order[np.argmin(nearest[order])]
        centres = np.concatenate([centres, vectors[far : far + 1]])
    return nearest_centres(vectors, moved_centres(vectors, centres, _ROUNDS))

"""Clusters of vectors by k-means; the same for any number of threads."""

from __future__ import annotations

import numpy as np

from negatives.arrays import Floats, Places
from negatives.one_thread import one_thread
from negatives.stats.k_means import moved_centres, nearest_centres
from negatives.stats.shuffled import draws, permutation

_LEARN = 256  # vectors of each cluster that are learned from, at most
_BEGIN = 16  # of them, those that a centroid may begin as
_ROUNDS = 10


def k_means(vectors: Floats, clusters: int, seed: int, stream: str) -> Places:
    """int64[n]: the cluster of each of the unit vectors (float32[n, dim]), by the nearest centroid.

    Spherical k-means on a sample (Dhillon and Modha, 2001), begun as k-means++ does; an emptied
    cluster begins anew. There may be fewer clusters than asked for.
    """
    clusters = min(clusters, len(vectors))
    if not clusters:
        return np.empty(0, np.int64)
    shuffled = permutation(len(vectors), seed, f"{stream}/k-means")
    sample = vectors[shuffled[: clusters * _LEARN]]
    centroids = _spread_out(sample[: clusters * _BEGIN], clusters, seed, f"{stream}/begin")

    def anew(turn: int, count: int) -> Floats:
        return sample[permutation(len(sample), seed, f"{stream}/{turn}")[:count]]

    centroids = moved_centres(sample, centroids, _ROUNDS, anew)
    return np.unique(nearest_centres(vectors, centroids), return_inverse=True)[1].astype(np.int64)


def _spread_out(sample: Floats, clusters: int, seed: int, stream: str) -> Floats:
    """float32[clusters, dim]: vectors drawn by their squared distance from those drawn before.

    k-means++ (Arthur and Vassilvitskii, 2007).
    """
    chances = draws(clusters, seed, stream)
    chosen = np.zeros(clusters, np.int64)
    apart = np.full(len(sample), np.inf, np.float32)
    with one_thread():
        for turn in range(1, clusters):
            np.minimum(apart, 2 - 2 * (sample @ sample[chosen[turn - 1]]), out=apart)
            ends = np.cumsum(np.maximum(apart, 0), dtype=np.float64)
            place = int(np.searchsorted(ends, chances[turn] * ends[-1], side="right"))
            chosen[turn] = min(place, len(sample) - 1)
    return sample[chosen].copy()

"""Balanced clusters of vectors; the same for any number of threads."""

from __future__ import annotations

import numpy as np

from negatives.arrays import Floats, Places
from negatives.batch.order import permutation
from negatives.stats.clusters import k_means as k_means
from negatives.stats.k_means import group_sums

_BLOCK = 4096  # vectors gathered at once
_ROUNDS = 10


def balanced(vectors: Floats, clusters: int, seed: int, stream: str) -> Places:
    """int64[n]: the cluster of each vector (float32[n, dim]); sizes differ by one at most.

    Every cluster is split into two by balanced 2-means until there are enough, all of one depth at
    once (NGAME, Dahiya et al., 2023). `clusters` is at most n.
    """
    order = permutation(len(vectors), seed, f"{stream}/balanced")
    bounds = np.array([0, len(vectors)])
    wanted = np.array([clusters])
    while (wanted > 1).any():
        order = _sorted(vectors, order, bounds, wanted)
        left = (wanted + 1) // 2
        middle = bounds[:-1] + np.diff(bounds) * left // wanted
        bounds = np.unique(np.concatenate([bounds, middle]))
        wanted = np.stack([left, wanted - left], axis=1).ravel()
        wanted = wanted[wanted > 0]
    found = np.empty(len(vectors), np.int64)
    found[order] = np.repeat(np.arange(clusters), np.diff(bounds))
    return found


def _sorted(vectors: Floats, order: Places, bounds: Places, wanted: Places) -> Places:
    """`order` with the members of each cluster sorted from one of its halves to the other."""
    members = np.diff(bounds)
    cluster = np.repeat(np.arange(len(members)), members)
    cut = bounds[:-1] + members * ((wanted + 1) // 2) // wanted
    for turn in range(_ROUNDS):
        first = np.arange(len(order)) < cut[cluster]
        if turn:
            halves = 2 * cluster + ~first
            sums = group_sums(vectors, halves, 2 * len(members), order)
            sums /= np.maximum(np.bincount(halves, minlength=len(sums)), 1)[:, None]
            apart = sums[::2] - sums[1::2]
        else:  # members stand at random: the first and the last are two drawn from the cluster
            apart = vectors[order[bounds[:-1]]] - vectors[order[bounds[1:] - 1]]
        scores = np.empty(len(order), np.float32)
        for start in range(0, len(order), _BLOCK):
            part = slice(start, start + _BLOCK)
            scores[part] = np.einsum("nd,nd->n", vectors[order[part]], apart[cluster[part]])
        moved = order[np.lexsort((order, -scores, cluster))]
        if np.array_equal(moved, order):
            break
        order = moved
    return order

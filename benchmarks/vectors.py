"""Synthetic unit vectors in files, and the exact answers that searches of them are held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import CACHE

WIDTH = 384


def made(name: str, rows: int, seed: int, clusters: int = 500) -> Path:
    """A .npy file of float32[rows, WIDTH] unit vectors in clusters, kept in the cache."""
    path = CACHE / f"{name}-{rows}-float32.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        centres = np.random.default_rng(7).standard_normal((clusters, WIDTH), np.float32)
        draw = np.random.default_rng(seed)
        table = np.lib.format.open_memmap(
            path.with_suffix(".partial"), "w+", np.float32, (rows, WIDTH)
        )
        for start in range(0, rows, 50_000):
            count = min(50_000, rows - start)
            block = centres[draw.integers(0, clusters, count)]
            block = block + draw.standard_normal((count, WIDTH), np.float32)
            table[start : start + count] = block / np.linalg.norm(block, axis=1, keepdims=True)
        table.flush()
        path.with_suffix(".partial").rename(path)
    return path


def exact(queries: NDArray[np.float32], docs: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The k best of a few queries in float64, ties by row: what recall is measured against."""
    left = queries.astype(np.float64)
    best = np.empty((len(left), 0), np.int64)
    scores = np.empty((len(left), 0))
    for start in range(0, len(docs), 20_000):
        block = docs[start : start + 20_000].astype(np.float64)
        scores = np.hstack([scores, left @ block.T])
        rows = np.broadcast_to(np.arange(start, start + len(block)), (len(left), len(block)))
        best = np.hstack([best, rows])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        scores, best = np.take_along_axis(scores, order, 1), np.take_along_axis(best, order, 1)
    return best

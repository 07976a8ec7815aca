"""Small sets of items for the tests of rare classes."""

from __future__ import annotations

import numpy as np

from negatives.learn.rare.examples import Examples


def blobs(
    centres: list[list[float]], counts: list[int], *, spread: float = 0.3, seed: int = 0
) -> Examples:
    """Gaussian items around each centre, of a class each: 0, 1, ..."""
    chance = np.random.default_rng(seed)
    vectors = [
        centre + spread * chance.normal(size=(count, len(centre)))
        for centre, count in zip(np.array(centres), counts, strict=True)
    ]
    return Examples(
        np.concatenate(vectors).astype(np.float32), np.repeat(np.arange(len(counts)), counts)
    )


def rare(count: int = 600, share: float = 0.1, *, apart: float = 1.5, seed: int = 0) -> Examples:
    """Items of four numbers, of which a share is True and lies a little apart."""
    ours = round(count * share)
    made = blobs([[0.0] * 4, [apart] * 4], [count - ours, ours], spread=1.0, seed=seed)
    return Examples(made.vectors, made.labels > 0)

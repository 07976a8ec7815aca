"""Weights that let only the easiest examples count at first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats
from negatives.batch.batcher import Batch
from negatives.batch.examples import Examples
from negatives.batch.needed import missing
from negatives.batch.progressive import mean_one

_BLOCK = 4096  # rows whose vectors are gathered at once


def difficulty(examples: Examples) -> Floats:
    """float32[n]: cosine of the nearest negative less that of the positive.

    A row without negatives is as easy as with one of cosine -1. `RecipeError` without vectors.
    """
    if examples.query_vectors is None or examples.doc_vectors is None:
        raise missing("curriculum")
    queries, docs = examples.query_vectors(), examples.doc_vectors()
    found = np.empty(len(examples), np.float32)
    for start in range(0, len(examples), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows = examples.docs[part]
        scores = np.einsum("nd,nkd->nk", queries[examples.query[part]], docs[rows])
        scores[rows < 0] = -1.0
        found[part] = scores[:, 1:].max(axis=1, initial=-1.0) - scores[:, 0]
    return found


def stage_at(step: int, steps: int, at: Doubles) -> int:
    """Number of the stage at `step` of `steps`, from 0; stage i + 1 begins at the share at[i]."""
    return int(np.searchsorted(at * steps, step, side="right"))


class Easiest:
    """Weights 1 for the easiest share, 0 for the rest; see `Curriculum`."""

    def __init__(self, difficulty: Floats, shares: Doubles, at: Doubles) -> None:
        self._shares, self._at = shares, at
        self._difficulty = difficulty
        self._highest = self._bars()

    @property
    def passes(self) -> int:
        """None: what is difficult is known beforehand."""
        return 0

    def weights(self, batch: Batch, step: int, steps: int) -> Floats:
        """float32[size]: mean 1 over the batch, or all 0 where none of it counts yet."""
        highest = self._highest[stage_at(step, steps, self._at)]
        counts = self._difficulty[batch] <= highest
        return mean_one(counts.astype(np.float64)).astype(np.float32)

    def observe(self, batch: Batch, losses: Floats) -> None:
        """The difficulty is known beforehand."""

    def suspects(self) -> dict[str, Batch]:
        """None: an example that is hard is not odd."""
        return {}

    def state(self) -> dict[str, NDArray[Any]]:
        """`difficulty`: float32[n], since the vectors may be others when training goes on."""
        return {"difficulty": self._difficulty.copy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state()` gave."""
        self._difficulty = state["difficulty"].astype(np.float32)
        self._highest = self._bars()

    def _bars(self) -> Floats:
        """float32[stages]: the highest difficulty that counts; ties count together."""
        lowest = np.array([-np.inf], np.float32)  # nothing is as easy: a share of 0
        ranked = np.concatenate([lowest, np.sort(self._difficulty)])
        return ranked[np.ceil(self._shares * len(self._difficulty)).astype(np.int64)]

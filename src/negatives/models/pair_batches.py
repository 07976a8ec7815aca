"""How pairs of texts are scored, each distinct pair once, and what a model's outputs mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.models.batching import Read, in_batches, once

Piece = TypeVar("Piece")

FIRST: Final = 5
"""Offenders an error lists."""
SHOWN: Final = 60
"""Characters of each of their texts."""


def score_pairs(
    pairs: Sequence[tuple[str, str]],
    read: Callable[[list[tuple[str, str]]], Read[Piece]],
    compute: Callable[[list[Piece]], Floats],
    *,
    budget: int,
    where: str,
    workers: int = 1,
) -> Floats:
    """float32[pairs], each distinct pair computed once, the longest first; see `in_batches`."""
    distinct, which = once(pairs)
    scores = np.empty(len(distinct), np.float32)
    sizes = np.fromiter((len(q) + len(d) for q, d in distinct), np.int64, len(distinct))
    in_batches(distinct, sizes, read, compute, scores, budget=budget, workers=workers)
    _check(scores, distinct, where)
    return scores[which]


def log_odds(outputs: NDArray[Any], where: str) -> Floats:
    """float32[n] of logits [n], [n, 1], or [n, 2] (irrelevant, relevant: their difference)."""
    made = np.asarray(outputs, np.float32)
    if made.ndim == 1:
        return made
    if made.ndim == 2 and made.shape[1] == 1:
        return made[:, 0]
    if made.ndim == 2 and made.shape[1] == 2:
        return np.asarray(made[:, 1] - made[:, 0], np.float32)
    raise refused_outputs(made.shape[-1] if made.ndim == 2 else made.shape[1:], where)


def refused_outputs(classes: object, where: str) -> DataError:
    """The error about a model that does not give a score, nor two classes."""
    return DataError(
        f"the model gives {classes} numbers for each pair; a reranker gives one, or two classes",
        where=where,
        fix="name a model trained to rank (one output) or to tell relevant from irrelevant (two)",
    )


def _check(scores: Floats, pairs: list[tuple[str, str]], where: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(scores))
    if not len(wrong):
        return
    shown = "; ".join(
        f"{q[:SHOWN]!r} with {d[:SHOWN]!r}" for q, d in map(pairs.__getitem__, wrong[:FIRST])
    )
    raise DataError(
        f"the scores of {len(wrong)} pairs are NaN or infinite: {shown}",
        where=where,
        fix="try the model in full precision (device = cpu), or another model",
    )

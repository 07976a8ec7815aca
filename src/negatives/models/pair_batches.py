"""How pairs of texts are put into batches and scored, and what a model's outputs mean.

Nothing here knows a model. Batches depend on the pairs alone, never on threads or on time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats, Places
from negatives.errors import DataError
from negatives.models.batching import SLICE, all_or_stop, batches

Piece = TypeVar("Piece")

FIRST: Final = 5
"""Offenders an error lists."""
SHOWN: Final = 60
"""Characters of each of their texts."""


def score_pairs(
    pairs: Sequence[tuple[str, str]],
    read: Callable[[list[tuple[str, str]]], tuple[Sequence[Piece], Places]],
    compute: Callable[[list[Piece]], Floats],
    *,
    budget: int,
    where: str,
    workers: int = 1,
) -> Floats:
    """float32[pairs], each distinct pair computed once, the longest first.

    `read` gives what `compute` takes of each pair, and its length in pieces; a batch has at most
    `budget` pieces, padding included. `workers`: batches computed at the same time.
    """
    numbers: dict[tuple[str, str], int] = {}
    which = np.fromiter((numbers.setdefault(p, len(numbers)) for p in pairs), np.int64, len(pairs))
    distinct = list(numbers)
    scores = np.empty(len(distinct), np.float32)
    lengths = np.fromiter((len(q) + len(d) for q, d in distinct), np.int64, len(distinct))
    order = np.argsort(-lengths, kind="stable")
    stopped = threading.Event()

    def fill(rows: Places, pieces: list[Piece]) -> None:
        scores[rows] = compute(pieces)

    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(order), SLICE):
            rows = order[start : start + SLICE]
            pieces, widths = read([distinct[row] for row in rows])
            jobs = [
                partial(fill, rows[batch], [pieces[place] for place in batch])
                for batch in batches(widths, budget)
            ]
            all_or_stop(pool, jobs, stopped)
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

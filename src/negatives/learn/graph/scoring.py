"""TransE's scores of all entities at once, by a kernel for distances.

PyKEEN subtracts every entity from every question, and keeps all differences (questions x entities x
dimensions) before it sums them. The scores here are the same, of an eighth of the time, and without
the differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from negatives.optional import require, torch

_modules = require("pykeen.nn.modules", extra="kg")


@contextmanager
def all_at_once(model: Any) -> Iterator[None]:
    """Meanwhile a TransE scores all heads or tails of a question so; other models as they do."""
    before = model.interaction
    if type(before) is _modules.TransEInteraction and not before.power_norm:
        model.interaction = _Distances(p=before.p)
    try:
        yield
    finally:
        model.interaction = before


class _Distances(_modules.TransEInteraction):  # type: ignore[misc, name-defined]
    """TransE, which knows the shapes of one question beside all entities."""

    def forward(self, h: Any, r: Any, t: Any) -> Any:
        """See PyKEEN: what a question gives is [questions, 1, dim], all entities [1, n, dim]."""
        if _is_all(t) and _is_one(h) and _is_one(r):
            return -self._distances(h + r, t)
        if _is_all(h) and _is_one(t) and _is_one(r):
            return -self._distances(t - r, h)
        return super().forward(h, r, t)

    def _distances(self, asked: Any, entities: Any) -> Any:
        exact = "donot_use_mm_for_euclid_dist"  # else distances near 0 are lost in rounding
        return torch.cdist(asked[:, 0], entities[0], p=float(self.p), compute_mode=exact)


def _is_all(vectors: Any) -> bool:
    return bool(vectors.ndim == 3 and vectors.shape[0] == 1)


def _is_one(vectors: Any) -> bool:
    return bool(vectors.ndim == 3 and vectors.shape[1] == 1)

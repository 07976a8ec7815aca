"""The hardest items to forget, so many of them: a test that flatters no method of unlearning.

Fan et al. 2024, Challenging Forgets: weights w in [0, 1] with sum m say how much each item is to be
forgotten. In turn a model unlearns by them from where it was, by steps of the *sign* of a gradient,
of  sum_i (1 - w_i) l_i - w_i l_i  (whose own derivative by w is 0, so that none is needed), and the
weights go down the losses that are left,

    w <- P(w - rate (l_i + 2 ridge w_i)),   P the projection to {0 <= w <= 1, sum w = m}:

items whose loss stays low after unlearning are the ones that cannot be forgotten. P finds mu with
sum clip(a - mu, 0, 1) = m. The largest m weights are the set. Look at it: copies, and what many
others teach too, come first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from negatives.arrays import Doubles, Places
from negatives.errors import DataError, InputError
from negatives.learn.unlearn.gradients import gradients_of
from negatives.optional import Tensor, torch

Losses = Callable[[Any], Tensor]
"""A model -> float[items], the loss of each item by it, with gradient."""
_EXACT: Final = 1e-9


@dataclass(frozen=True)
class WorstCase:
    """items: int64[m], the hardest to forget, the hardest first; weights: float64[all]."""

    items: Places
    weights: Doubles


def projected(values: Doubles, count: float) -> Doubles:
    """float64[n]: the nearest weights from 0 to 1 that add up to `count`.

    >>> import numpy as np
    >>> from negatives.learn.unlearn.worst_case import projected
    >>> projected(np.array([0.9, 0.8, 0.3, 0.1]), 2).round(6).tolist()
    [0.875, 0.775, 0.275, 0.075]
    """
    a = np.asarray(values, np.float64)
    if not np.isfinite(a).all():
        raise DataError(
            "a value that is no finite number",
            fix="look for an item whose loss is none; a lower rate of unlearning may help",
        )
    if not 0 <= count <= len(a):
        raise InputError(
            f"{count:g} of {len(a):,} items cannot be chosen", where="count", fix="at most all"
        )
    low, high = float(a.min(initial=0.0)) - 1, float(a.max(initial=0.0))
    while high - low > _EXACT:
        middle = (low + high) / 2
        if np.clip(a - middle, 0, 1).sum() > count:
            low = middle
        else:
            high = middle
    return np.clip(a - (low + high) / 2, 0, 1)


def worst_case(
    model: Any,
    losses: Losses,
    count: int,
    *,
    rounds: int = 10,
    steps: int = 10,
    sign_rate: float = 1e-3,
    weight_rate: float = 0.1,
    ridge: float = 1e-4,
    seed: int = 0,
) -> WorstCase:
    """The `count` items that are the hardest to unlearn for a torch module, which is left alone.

    losses: of all items by a copy of the model. steps: of unlearning in each of the `rounds`.
    Gradients that are exactly 0 take a random sign, by `seed`.
    """
    total = len(losses(model))
    if not 0 < count < total:
        raise InputError(
            f"{count:,} of {total:,} items are to be forgotten", fix="at least one, and not all"
        )
    draw = torch.Generator().manual_seed(seed)
    weights = np.full(total, count / total)
    for _ in range(rounds):
        learner = copy.deepcopy(model)
        unlearn(learner, losses, weights, steps=steps, rate=sign_rate, draw=draw)
        with torch.no_grad():
            left = losses(learner).double().cpu().numpy()
        weights = projected(weights - weight_rate * (left + 2 * ridge * weights), count)
    order = np.lexsort((np.arange(total), -weights))
    return WorstCase(order[:count].astype(np.int64), weights)


def unlearn(
    model: Any, losses: Losses, weights: Doubles, *, steps: int, rate: float, draw: Any = None
) -> None:
    """Steps of sign descent in place: up the losses of weight 1, down those of weight 0."""
    parameters = [each for each in model.parameters() if each.requires_grad]
    for _ in range(steps):
        found = losses(model)
        wanted = torch.as_tensor(1 - 2 * np.asarray(weights)).to(found)
        gradients = gradients_of((wanted * found).mean(), parameters)
        with torch.no_grad():
            for each, gradient in zip(parameters, gradients, strict=True):
                toss = torch.randint(0, 2, gradient.shape, generator=draw).to(gradient) * 2 - 1
                each -= rate * torch.where(gradient == 0, toss, gradient.sign())

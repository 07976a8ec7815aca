"""Denoising as several tasks: steps that hinder one another, cut into intervals and reconciled.

A denoiser learns one task a step, and tasks of steps far apart pull its weights in different
directions (negative transfer). Steps are cut into few intervals of alike ones, and conflicts are
taken out of the gradients of the intervals. Go et al. 2023 (arXiv 2306.00354).

    cost of l..r    `spread`: sum |v_t - median|, of a value v a step (its signal-to-noise ratio);
                    `strangeness`: the sum of 1 - affinity over pairs of steps, over their number
    cut             the k intervals with the lowest sum of costs, by dynamic programming
    reconciled      of g, minus <g, h> / <h, h> h for every h of another interval with <g, h> < 0

The paper's cost takes the value in the middle of an interval and calls a total of 0 unset; here it
is the median, which is the best centre, and a perfect cut is found. The same cuts a list sorted by
hardness into easy and hard ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError

Cost = Callable[[int, int], float]
"""What the steps from the first to the second number, both among them, cost as one interval."""


def cut(steps: int, intervals: int, cost: Cost) -> list[int]:
    """Where each interval begins, the first at 0: those of the lowest sum of costs.

    Of equal sums, the one whose last interval begins earliest. It asks for every cost once, which
    is steps^2 / 2.

    >>> cut(8, 3, spread([0, 0, 0, 5, 5, 9, 9, 9]))
    [0, 3, 5]
    """
    if not 1 <= intervals <= steps:
        raise DataError(
            f"{intervals:,} intervals of {steps:,} steps", fix="at least 1, and a step in each"
        )
    costs = np.full((steps, steps), np.inf)
    for last in range(steps):
        for first in range(last + 1):
            costs[first, last] = cost(first, last)
    best, before = costs[0].copy(), np.zeros((intervals, steps), np.int64)
    for number in range(1, intervals):
        # An interval that begins at `first` follows the best cut of what is before it.
        totals = np.concatenate([[np.inf], best[:-1]])[:, None] + costs
        before[number] = totals.argmin(0)
        best = totals.min(0)
    starts, last = [], steps - 1
    for number in reversed(range(1, intervals)):
        starts.append(int(before[number, last]))
        last = starts[-1] - 1
    return [0, *reversed(starts)]


def spread(values: Sequence[float] | Doubles) -> Cost:
    """The distances to the median of the interval, summed; of values in any order.

    >>> spread([0, 1, 2, 10, 11])(0, 2), spread([0, 1, 2, 10, 11])(3, 4)
    (2.0, 1.0)
    """
    known = _finite(values)
    if known.ndim != 1:
        raise DataError(f"values of shape {known.shape}", fix="give a number for each step")

    def cost(first: int, last: int) -> float:
        _known(last, len(known))
        part = known[first : last + 1]
        return float(np.abs(part - np.median(part)).sum())

    return cost


def strangeness(affinity: Doubles) -> Cost:
    """How little the steps of an interval agree: for each, 1 - its mean affinity to all of them.

    affinity: float[steps, steps], the cosine of the gradients of two steps, averaged over training.

    >>> import numpy as np
    >>> strangeness(np.array([[1.0, -1.0], [-1.0, 1.0]]))(0, 1)
    2.0
    """
    known = _finite(affinity)
    if known.ndim != 2 or known.shape[0] != known.shape[1]:
        raise DataError(f"affinity of shape {known.shape}", fix="give float[steps, steps]")
    sums = np.zeros((len(known) + 1, len(known) + 1))
    sums[1:, 1:] = known.cumsum(0).cumsum(1)

    def cost(first: int, last: int) -> float:
        _known(last, len(known))
        size, end = last + 1 - first, last + 1
        inside = sums[end, end] - sums[first, end] - sums[end, first] + sums[first, first]
        return float(size - inside / size)

    return cost


def reconciled(gradients: Doubles, *, seed: int = 0) -> Doubles:
    """float64[tasks, weights]: gradients without what conflicts with those of other tasks (PCGrad).

    Each is taken as it is and loses, one after the other in a random order, what points against
    another task's own gradient; where nothing conflicts, nothing changes.

    >>> import numpy as np
    >>> reconciled(np.array([[1.0, 0.0], [-1.0, 1.0]])).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    own = _finite(gradients)
    if own.ndim != 2:
        raise DataError(f"gradients of shape {own.shape}", fix="give float[tasks, weights]")
    made, random = own.copy(), np.random.default_rng(seed)
    for task, gradient in enumerate(made):
        for other in random.permutation(len(own)):
            against = float(gradient @ own[other])
            if other != task and against < 0:
                gradient -= against / float(own[other] @ own[other]) * own[other]
    return made


def _known(last: int, steps: int) -> None:
    if last >= steps:
        raise DataError(
            f"the cost of step {last:,}, and {steps:,} steps are known",
            fix="cut as many steps as the cost has values of",
        )


def _finite(values: Sequence[float] | Doubles) -> Doubles:
    known = np.asarray(values, np.float64)
    if not np.isfinite(known).all():
        raise DataError("a value that is no finite number", fix="leave such steps out")
    return known

"""Examples without those that a small student has soon learned by heart."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from negatives.arrays import Places
from negatives.batch.naive import LossHistory
from negatives.choose.chooser import Chooser, Pool
from negatives.stage import PositiveInt
from negatives.stats.linear_student import Student


class NotNaive(Chooser, kind="not-naive"):
    """By chance, but for naive examples: those whose history of losses says they teach nothing.

    After Gui et al. (2023), who find them while training, as `batch.weight` of kind `naive` does;
    here a small student, a linear map of the frozen vectors, finds them before. Where too few are
    left, the least naive fill the budget. A reconstruction from the abstract.

    >>> from negatives import tiny
    >>> from negatives.choose.not_naive import NotNaive
    >>> tiny.chosen(NotNaive(count=3))
    ['car', 'dog', 'bus']
    """

    epochs: Annotated[PositiveInt, Meta(description="of the student")] = 4
    floor: Annotated[
        float, Meta(gt=0, description="running mean of its losses below which one is naive")
    ] = 0.05
    slow: Annotated[
        float, Meta(ge=0, lt=1, description="share of the running mean that stays at each loss")
    ] = 0.5

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """Those that are not naive by chance, then naive ones, the highest history first."""
        history = LossHistory(len(pool), slow=self.slow, floor=self.floor, times=2, weight=0.0)
        student = Student(pool.lists.queries.shape[1])
        for epoch in range(max(2, self.epochs)):
            order = pool.shuffled(f"{self.kind}/epoch/{epoch}")
            losses = student.epoch(pool.lists, order).astype(np.float32)
            history.observe(order.astype(np.int32), losses)
        naive = history.naive()
        shuffled = pool.shuffled(f"{self.kind}/draw")
        rest = pool.best(np.where(naive, history.history, np.nan), count)
        return (
            np.concatenate([shuffled[~naive[shuffled]], rest])[:count],
            {"naive": int(naive.sum())},
        )

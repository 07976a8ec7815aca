"""Examples that a small student finds hard early, and learns all the same."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from negatives.arrays import Bools, Doubles, Places
from negatives.choose.chooser import Chooser, Pool
from negatives.choose.students import taught
from negatives.stage import PositiveInt


class HardButLearned(Chooser, kind="hard-but-learned"):
    """What a small student finds hard at an early checkpoint, and yet learns in the end.

    SALT (Rawat et al. 2024) scores a text by the median of its tokens' losses under an early
    checkpoint of a small model, those counted as 0 that the trained small model would not have
    among its first few. Here the small model is a linear map of the frozen vectors, and what takes
    the place of tokens is the example's list, drawn several times: loss there if the student, once
    trained, ranks the positive among the first `within`, else 0. What no student learns is probably
    wrong, and what is easy teaches little.

    >>> from negatives import tiny
    >>> from negatives.choose.hard_but_learned import HardButLearned
    >>> tiny.chosen(HardButLearned(count=4, within=3))
    ['dog', 'car', 'tram', 'hen']
    """

    early: Annotated[PositiveInt, Meta(description="epochs of the early checkpoint")] = 1
    epochs: Annotated[PositiveInt, Meta(description="epochs of the trained student")] = 5
    within: Annotated[PositiveInt, Meta(description="rank that says a positive is learned")] = 10
    lists: Annotated[PositiveInt, Meta(description="lists drawn for each example")] = 5

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """Highest score first."""
        early = taught(pool, pool.lists, self.early, self.kind)
        late = taught(pool, pool.lists, max(self.early, self.epochs), self.kind)
        losses = np.empty((len(pool), self.lists))
        learned = np.empty((len(pool), self.lists), bool)
        for turn in range(self.lists):
            order = pool.shuffled(f"{self.kind}/list/{turn}")
            losses[order, turn], _ = early.seen(pool.lists, order)
            learned[order, turn] = late.seen(pool.lists, order)[1] <= self.within
        chosen = pool.best(median_of_learned(losses, learned), count)
        return chosen, {"never_learned": round(1 - float(learned.any(1).mean()), 4)}


def median_of_learned(losses: Doubles, learned: Bools) -> Doubles:
    """float64[n]: the median of each row of `losses` [n, m], where not `learned` taken as 0.

    >>> import numpy as np
    >>> losses = np.array([[0.1, 2.0, 0.5, 3.0, 1.0]])
    >>> float(median_of_learned(losses, np.array([[True, True, False, False, True]]))[0])
    0.1
    """
    return np.asarray(np.median(np.where(learned, losses, 0.0), axis=1))

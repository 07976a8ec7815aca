"""Examples that students confirm which were not taught them: a loop of training and filtering."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from negatives.arrays import Places
from negatives.choose.chooser import Chooser, Pool
from negatives.choose.students import taught
from negatives.errors import DataError
from negatives.stage import PositiveInt


class SelfFiltered(Chooser, kind="self-filtered"):
    """What a student that has not seen it finds, too; again and again with what was confirmed.

    Liu et al. (2025, POINTS-Reader) let a model annotate real documents, verify its annotations by
    filters, train it again on what passes, and repeat. A reconstruction from the abstract: two
    students, linear maps of the frozen vectors, learn from half of what is kept each, and confirm
    an example of the other half where they rank its positive among the first `within` of its list.
    The model's own annotations are what `relabel` adds. Fewer are chosen where fewer are confirmed.

    >>> from negatives import tiny
    >>> from negatives.choose.self_filtered import SelfFiltered
    >>> len(tiny.chosen(SelfFiltered(count=3, within=5)))
    3
    """

    rounds: Annotated[PositiveInt, Meta(description="of training and filtering")] = 3
    within: Annotated[PositiveInt, Meta(description="rank that confirms a positive")] = 3
    epochs: Annotated[PositiveInt, Meta(description="of each student in each round")] = 2

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """By chance among the confirmed."""
        half = pool.draw(f"{self.kind}/half") < 0.5
        kept, sizes = np.ones(len(pool), bool), list[int]()
        for turn in range(self.rounds):
            confirmed = np.zeros(len(pool), bool)
            for first in (True, False):
                learned = np.flatnonzero(kept & (half == first))
                student = taught(pool, pool.lists, self.epochs, f"{self.kind}/{turn}", learned)
                asked = pool.shuffled(f"{self.kind}/{turn}/asked", np.flatnonzero(half != first))
                confirmed[asked] = student.seen(pool.lists, asked)[1] <= self.within
            kept = confirmed
            sizes.append(int(kept.sum()))
        if not kept.any():
            raise DataError(
                "no student confirms any of the training examples",
                where="[choose]",
                fix=f"raise self-filtered within above {self.within}",
            )
        shuffled = pool.shuffled(f"{self.kind}/draw")
        return shuffled[kept[shuffled]][:count], {"confirmed": sizes}

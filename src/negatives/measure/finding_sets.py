"""Sets of queries that together find the items of a category, chosen greedily by average precision.

An item's score is the mean of its likeness to the members of the set. Where a member is the item
itself, or a copy of it, that member says nothing of it: so an example is found only by the others,
and what nothing else finds is no good example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles, Floats
from negatives.stats.lengths import Wide

_ROUNDING = 1e-9
"""A gain that is none."""


def average_precisions(scores: Wide, relevant: Bools) -> Doubles:
    """float64[rankings]: average precision of each row of `scores`, float[rankings, items].

    relevant: bool[items], of which one at least is. Of equal scores those of the others come first,
    so that no order by chance is paid for.

    >>> import numpy as np
    >>> average_precisions(np.array([[3.0, 2.0, 1.0], [1.0, 1.0, 2.0]]), np.array([1, 0, 1]) > 0)
    array([0.83333333, 0.83333333])
    """
    # Ranks come from two sorted lists, which is much faster than ordering all items of each row.
    ours = -np.sort(-scores[:, relevant], axis=1)
    theirs = np.sort(scores[:, ~relevant], axis=1)
    place = np.arange(1, ours.shape[1] + 1)
    made = np.empty(len(scores))
    for row, (mine, others) in enumerate(zip(ours, theirs, strict=True)):
        above = len(others) - np.searchsorted(others, mine, side="left")
        made[row] = float((place / (place + above)).mean())
    return made


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a set can be made of: each candidate's likeness to items some of which are relevant.

    likeness: float32[candidates, items]; own: bool[candidates, items], whether the item is the
    candidate or a copy of it; relevant: bool[items]; kind: int64[candidates], such as example and
    words; most: of each kind, at most.
    """

    likeness: Floats
    own: Bools
    relevant: Bools
    kind: NDArray[np.int64]
    most: Sequence[int]

    def value(self, members: Sequence[int]) -> float:
        """The average precision of a set."""
        chosen = list(members)
        says = ~self.own[chosen]
        total = np.where(says, self.likeness[chosen], 0).sum(axis=0, dtype=np.float64)
        return float(average_precisions(_means(total, says.sum(axis=0))[None], self.relevant)[0])

    def greedy(self, first: int | None = None) -> tuple[list[int], list[float]]:
        """The members of a set in the order of choice, and what it is worth after each.

        Each is the candidate that raises the average precision most, the first of equals, until
        none does. `first`: the kind that the first one is of, where there is any of it.
        """
        items = self.likeness.shape[1]
        total, said = np.zeros(items), np.zeros(items)
        heard = np.where(self.own, 0, self.likeness).astype(np.float64)
        members: list[int] = []
        values: list[float] = []
        while len(open_ := self._open(members, first)):
            means = _means(total + heard[open_], said + ~self.own[open_])
            reached = average_precisions(means, self.relevant)
            best = int(np.argmax(reached))
            if values and reached[best] <= values[-1] + _ROUNDING:
                break
            chosen = int(open_[best])
            members.append(chosen)
            values.append(float(reached[best]))
            total += heard[chosen]
            said += ~self.own[chosen]
        return members, values

    def _open(self, members: list[int], first: int | None) -> NDArray[np.int64]:
        """Those that may be chosen next: not yet chosen, and of a kind of which there are fewer."""
        used = np.bincount(self.kind[members], minlength=len(self.most))
        free = (used < np.asarray(self.most))[self.kind]
        free[members] = False
        if not members and first is not None and (free & (self.kind == first)).any():
            free &= self.kind == first
        return np.flatnonzero(free)


def _means(total: Doubles, count: NDArray[Any]) -> Floats:
    """The mean where anything was said, and less than all where nothing was."""
    made = np.full(total.shape, -np.inf, np.float32)  # half as long to sort
    np.divide(total, count, out=made, where=count > 0, casting="same_kind")
    return made

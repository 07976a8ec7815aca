"""Greedy choice of a subset: at each turn what adds most to those already chosen.

An `Objective` says what a row would add. Where what it adds only falls as others are chosen (a
submodular objective, or the distance to the nearest chosen one), what it would have added earlier
bounds what it adds now, and few rows need to be asked again at each turn (Minoux, 1978):
`lazy_greedy` gives exactly what asking all of them would. `greedy_of_offers` asks only about a few
rows that are drawn at each turn. Of rows that add the same, the first in order is taken, so a
caller who hands them over in the order of their ids breaks ties by id.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

import numpy as np

from negatives.arrays import Doubles, Places
from negatives.stats.lengths import Wide

_BLOCK: Final = 4096
"""Rows that are asked about at once, at most: what an objective computes for them is in memory."""
_FIRST: Final = 8
"""Rows whose bounds are looked into first at a turn; four times as many whenever none settles."""
_ROUNDING: Final = 1e-12
"""Share by which a bound may be too low: gains are sums of rounded numbers."""


class Objective(Protocol):
    """What a set of rows is worth, told by what one more would add."""

    def gains(self, rows: Places) -> Doubles:
        """float64[n]: what each of `rows` would add to those chosen so far."""

    def add(self, row: int) -> None:
        """From now on `row` is chosen."""


class Offers(Protocol):
    """The few rows that can be chosen at a turn."""

    def offer(self, turn: int) -> Places:
        """int64[m]: rows that are not chosen yet, in the order of being offered; empty: no more."""

    def take(self, row: int) -> None:
        """`row` is chosen, and is not offered again."""


def lazy_greedy(objective: Objective, rows: Places, count: int) -> Places:
    """int64[m]: up to `count` of `rows`, in the order of choice; of equals the first in `rows`.

    Gains must never rise as others are chosen.
    """
    bounds = [objective.gains(rows[at : at + _BLOCK]) for at in range(0, len(rows), _BLOCK)]
    heap = list(
        zip((-np.concatenate([*bounds, np.empty(0)])).tolist(), range(len(rows)), strict=True)
    )
    heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < count:
        known: list[tuple[float, int]] = []
        size, best = _FIRST, (np.inf, len(rows))
        while heap and heap[0][0] <= best[0] + _ROUNDING * abs(best[0]):
            asked = [heappop(heap)[1] for _ in range(min(size, len(heap)))]
            told = objective.gains(rows[asked])
            known += zip((-told).tolist(), asked, strict=True)
            best = min(known)
            size = min(4 * size, _BLOCK)
        known.remove(best)
        for each in known:
            heappush(heap, each)
        chosen.append(int(rows[best[1]]))
        objective.add(chosen[-1])
    return np.array(chosen, np.int64)


def greedy_of_offers(objective: Objective, offers: Offers, count: int) -> Places:
    """int64[m]: up to `count` rows, each the best of what is offered at its turn.

    Of equals, the one that is offered first.
    """
    chosen: list[int] = []
    while len(chosen) < count and len(offered := offers.offer(len(chosen))):
        best = int(offered[int(np.argmax(objective.gains(offered)))])
        chosen.append(best)
        offers.take(best)
        objective.add(best)
    return np.array(chosen, np.int64)


class Fixed:
    """What each row adds whatever is chosen: then the greedy choice is the order of `values`.

    >>> import numpy as np
    >>> lazy_greedy(Fixed(np.array([0.2, 0.9, 0.9])), np.arange(3), 2).tolist()
    [1, 2]
    """

    def __init__(self, values: Doubles) -> None:
        self._values = values

    def gains(self, rows: Places) -> Doubles:
        """Their values."""
        return self._values[rows]

    def add(self, row: int) -> None:
        """Nothing changes."""


class Farthest:
    """The distance of a row to the nearest chosen one; infinite before there is any.

    With all rows to choose from this is k-centre greedy (Gonzalez, 1985). at: float[n, dim]. A row
    is compared with a chosen one when it is asked about, and once only.

    >>> import numpy as np
    >>> line = np.array([[0.0], [1.0], [5.0], [9.0]])
    >>> lazy_greedy(Farthest(line), np.arange(4), 3).tolist()
    [0, 3, 2]
    """

    def __init__(self, at: Wide) -> None:
        self._at = at
        self._chosen: list[int] = []
        self._seen = np.zeros(len(at), np.int64)
        """By row: how many of the chosen it has been compared with."""
        self._nearest = np.full(len(at), np.inf)

    def gains(self, rows: Places) -> Doubles:
        """Distances, as float64."""
        behind = self._seen[rows]
        for start in np.unique(behind):
            part = rows[behind == start]
            for begin in range(int(start), len(self._chosen), _BLOCK):
                others = self._at[self._chosen[begin : begin + _BLOCK]]
                self._nearest[part] = np.minimum(
                    self._nearest[part], _least(self._at[part], others)
                )
        self._seen[rows] = len(self._chosen)
        return self._nearest[rows]

    def add(self, row: int) -> None:
        """It is one more to be far from."""
        self._chosen.append(row)


def _least(points: Wide, others: Wide) -> Doubles:
    """float64[n]: the distance of each of `points` to the nearest of `others`."""
    points, others = points.astype(np.float64), others.astype(np.float64)
    if len(points) * len(others) * points.shape[1] <= _BLOCK * 64:  # exact, and small
        apart: Doubles = ((points[:, None] - others) ** 2).sum(2)
    else:
        apart = (points**2).sum(1)[:, None] + (others**2).sum(1) - 2 * points @ others.T
    return np.asarray(np.sqrt(np.maximum(apart, 0.0).min(1)))


class Drawn:
    """At each turn the `options` rows, of those not chosen, whose number in `draw(turn)` is lowest.

    draw: a number in (0, 1) for each row, by the turn.
    """

    def __init__(self, rows: Places, draw: Callable[[int], Doubles], options: int) -> None:
        self._rows, self._draw, self._options = rows, draw, options

    def offer(self, turn: int) -> Places:
        """Lowest number first."""
        return self._rows[np.argsort(self._draw(turn)[self._rows], kind="stable")[: self._options]]

    def take(self, row: int) -> None:
        """It is gone."""
        self._rows = self._rows[self._rows != row]


class InTurn:
    """At each turn the next `options` rows of a queue; those not taken go to its end.

    So every row is offered once before any is offered twice, at the same cost for any number.
    """

    def __init__(self, queue: Places, options: int) -> None:
        self._queue, self._options = queue, options
        self._begin, self._offered = 0, np.empty(0, np.int64)
        self._back: list[int] = []

    def offer(self, turn: int) -> Places:
        """The next in the queue."""
        if len(self._queue) - self._begin < self._options and self._back:
            rest = self._queue[self._begin :]
            self._queue = np.concatenate([rest, np.array(self._back, np.int64)])
            self._begin, self._back = 0, []
        self._offered = self._queue[self._begin : self._begin + self._options]
        return self._offered

    def take(self, row: int) -> None:
        """It leaves the queue, and the others that were offered go to the end."""
        self._begin += len(self._offered)
        self._back += [int(each) for each in self._offered if each != row]

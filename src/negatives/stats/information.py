"""Information gain: what an item adds to the tags that those already chosen have.

    x        how much of each tag is there; at first 0
    u_i      item i: its quality, divided among its tags, some of it passed on to tags like them
    phi(x) = (x + a)^b, 0 < b <= 1: more of a tag is worth less and less

The item with the largest gain is chosen, x grows by its u, and so on. The exact gain is
sum phi(x + u_i) - phi(x); its slope, which the paper uses, is phi'(x) . u_i. The slope at 0 is
b a^(b-1), so that with a small `a` a tag never seen beats everything. Both only fall as x grows,
so the greedy choice can be lazy. Chen et al. 2025, MIG.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from negatives.arrays import Doubles, Places

Gain = Literal["exact", "slope"]


def spread(likeness: Doubles, threshold: float = 0.9, share: float = 1.0) -> Doubles:
    """float64[tags, tags]: what a tag passes on to others, by how like them it is.

    Likeness below `threshold` counts as none; that to others counts a `share`; then each column is
    divided by its sum.

    >>> import numpy as np
    >>> spread(np.array([[1.0, 0.5], [0.5, 1.0]]), threshold=0.5).round(4).tolist()
    [[0.6667, 0.3333], [0.3333, 0.6667]]
    """
    kept = np.where(likeness >= threshold, likeness, 0.0) * share
    np.fill_diagonal(kept, 1.0)
    return np.asarray(kept / kept.sum(0))


def gains(have: Doubles, items: Doubles, *, power: float, offset: float, gain: Gain) -> Doubles:
    """float64[n]: what each of `items` [n, tags] adds where there is `have` [n, tags] or [tags].

    >>> import numpy as np
    >>> gains(np.zeros(2), np.eye(2), power=0.8, offset=1e-6, gain="slope").round(6).tolist()
    [12.679146, 12.679146]
    """
    if gain == "slope":
        slope = power * (have + offset) ** (power - 1)
        return np.asarray((slope * items).sum(-1))
    more = (have + items + offset) ** power - (have + offset) ** power
    return np.asarray(more.sum(-1))


class Information:
    """What rows add to the tags that are there; an objective of `greedy`.

    `items`: float64[n, tags] of the rows asked about, so that those of all need never be in memory.

    >>> import numpy as np
    >>> from negatives.stats.greedy import lazy_greedy
    >>> items = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> made = Information(lambda rows: items[rows], 2, power=0.8, offset=1e-6, gain="slope")
    >>> lazy_greedy(made, np.arange(3), 3).tolist()
    [0, 2, 1]
    """

    def __init__(
        self,
        items: Callable[[Places], Doubles],
        tags: int,
        *,
        power: float,
        offset: float,
        gain: Gain,
    ) -> None:
        self._items, self._power, self._offset, self._gain = items, power, offset, gain
        self._have = np.zeros(tags)

    def gains(self, rows: Places) -> Doubles:
        """float64[n]."""
        return gains(
            self._have,
            self._items(rows),
            power=self._power,
            offset=self._offset,
            gain=self._gain,
        )

    def add(self, row: int) -> None:
        """What it has is there."""
        self._have += self._items(np.array([row], np.int64))[0]

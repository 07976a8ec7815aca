"""Selection by information gain: what adds most to the tags that the chosen ones already have.

    x        how much of each tag is there; at first 0
    u_i      item i: its quality, divided among its tags, some of it passed on to tags like them
    phi(x) = (x + a)^b, 0 < b <= 1: more of a tag is worth less and less

The item with the largest gain is chosen, x grows by its u, and so on. The exact gain is
sum phi(x + u_i) - phi(x); its slope, which the paper uses, is phi'(x) . u_i. The slope at 0 is
b a^(b-1), so that with a small `a` a tag never seen beats everything. Chen et al. 2025, MIG.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

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


def most_informative(
    query: Places, items: Doubles, count: int, *, power: float, offset: float, gain: Gain
) -> Places:
    """int64[m]: rows in the order of choice, up to `count` of each query; of equals the first.

    query: int64[n], 0 .. queries - 1; items: float64[n, tags]. All queries take their next item at
    once.
    """
    queries = int(query.max(initial=-1)) + 1
    have = np.zeros((queries, items.shape[1]))
    left = np.ones(len(query), bool)
    chosen: list[NDArray[np.int64]] = []
    for _ in range(count):
        rows = np.flatnonzero(left)
        if not len(rows):
            break
        found = gains(have[query[rows]], items[rows], power=power, offset=offset, gain=gain)
        order = np.lexsort((rows, -found, query[rows]))
        ranked = rows[order]
        best = ranked[np.flatnonzero(np.diff(query[ranked], prepend=-1))]
        have[query[best]] += items[best]
        left[best] = False
        chosen.append(best)
    return np.concatenate(chosen) if chosen else np.empty(0, np.int64)

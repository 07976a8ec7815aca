"""k-means of unit vectors by cosine (Dhillon and Modha, 2001); the same for any number of threads.

How centres begin is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from negatives.arrays import Floats, Places, starts_of
from negatives.one_thread import one_thread
from negatives.stats.lengths import normalised

_BLOCK: Final = 4096  # vectors multiplied at once


def moved_centres(
    vectors: Floats,
    centres: Floats,
    rounds: int,
    anew: Callable[[int, int], Floats] | None = None,
) -> Floats:
    """float32[k, dim]: each centre moved to the mean of the vectors that are nearest to it.

    Until nothing moves, or for so many rounds. A centre that has no vector begins anew, at one of
    `anew(round, count)`, or stays where it is.
    """
    for turn in range(rounds):
        nearest = nearest_centres(vectors, centres)
        sums = group_sums(vectors, nearest, len(centres))
        empty = np.flatnonzero(np.bincount(nearest, minlength=len(centres)) == 0)
        sums[empty] = centres[empty] if anew is None else anew(turn, len(empty))
        moved = normalised(sums)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def nearest_centres(vectors: Floats, centres: Floats) -> Places:
    """int64[n]: the centre with the highest inner product, the first of several."""
    found = np.empty(len(vectors), np.int64)
    with one_thread():
        for start in range(0, len(vectors), _BLOCK):
            part = slice(start, start + _BLOCK)
            found[part] = np.argmax(vectors[part] @ centres.T, axis=1)
    return found


def group_sums(vectors: Floats, group: Places, groups: int, which: Places | None = None) -> Floats:
    """float32[groups, dim]: the sum of the vectors of each group, added in order.

    group[i] is the group of vectors[which[i]], or of vectors[i].
    """
    which = np.arange(len(group)) if which is None else which
    order = np.argsort(group, kind="stable")
    at = starts_of(np.bincount(group, minlength=groups))
    ones = np.ones(len(group), np.float32)
    made: Floats = csr_array((ones, which[order], at), (groups, len(vectors))) @ vectors
    return made

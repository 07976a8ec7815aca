"""Whole groups of rows packed into batches: a group is cut only where it is too big for one."""

from __future__ import annotations

import numpy as np

from negatives.arrays import Places, places_within
from negatives.batch.order import Order, permutation, placed


def whole(group: Places, size: int, seed: int, stream: str) -> Order:
    """An epoch of shuffled groups, each in one batch of at most `size` rows.

    group: int64[n], the group of each row, numbered from 0. A group of more than `size` rows is cut
    into batches at random. A batch is closed when the next group does not fit in it, so one with
    room left is rare where groups are small.
    """
    rows = permutation(len(group), seed, f"{stream}/rows")
    rank = np.empty(int(group.max(initial=-1)) + 1, np.int64)
    rank[permutation(len(rank), seed, f"{stream}/groups")] = np.arange(len(rank))
    rows = rows[np.argsort(rank[group[rows]], kind="stable")]
    place = places_within(np.bincount(rank[group]))  # of each row in its group
    piece = np.cumsum(place % size == 0) - 1
    batch, room = [], 0
    number = -1
    for length in np.bincount(piece).tolist():
        if length > room:
            number, room = number + 1, size
        batch.append(number)
        room -= length
    return placed(rows, np.asarray(batch, np.int64)[piece], seed, f"{stream}/batches")

"""Rows put into batches so that no two that conflict share one: proposed, checked, tried again."""

from __future__ import annotations

import numpy as np

from negatives.arrays import Places
from negatives.batch.conflicts import Conflicts
from negatives.batch.order import Order, permutation, placed

_TRIES = 24  # times that rows without a place are dealt into the holes of the batches there are


def packed(conflicts: Conflicts, size: int, seed: int, stream: str) -> Order:
    """An epoch in random order, in batches of at most `size` rows without a conflict.

    Shuffled rows are cut into batches; a row that conflicts with an earlier one of its batch is
    tried again elsewhere. What fits nowhere gets batches of its own, as many as its largest group
    needs (rows of one positive must each have their own), so that even a document of every second
    row is dealt out at once, into small batches. Work is a few passes over all rows; a pass that
    places little is followed by twice as many batches.
    """
    rows = permutation(len(conflicts), seed, f"{stream}/rows")
    batch = np.full(len(rows), -1, np.int64)
    left = np.arange(len(rows))
    made, least, level = 0, 1, 0
    while len(left):
        count = max(-(-len(left) // size), least)
        if level == 0:
            target = np.arange(len(left)) // size
        else:  # rows of one group stand together, and are dealt to one batch after the other
            groups = conflicts.group[rows[left]]
            count = min(max(count, _largest(groups)), len(left))
            left = left[np.argsort(groups, kind="stable")]
            target = np.arange(len(left)) % count
        found = _level(conflicts, rows[left], target, (count, size), seed, f"{stream}/{level}")
        batch[left[found >= 0]] = made + found[found >= 0]
        still = np.sort(left[found < 0])
        least = 2 * count if 2 * len(still) > len(left) else 1
        made, left, level = made + count, still, level + 1
    return placed(rows, batch, seed, f"{stream}/batches")


def _largest(groups: Places) -> int:
    return int(np.unique(groups, return_counts=True)[1].max())


def _level(
    conflicts: Conflicts,
    rows: Places,
    target: Places,
    shape: tuple[int, int],
    seed: int,
    stream: str,
) -> Places:
    """int64[n]: the batch that each row has got, -1 where it fits in none.

    shape: how many batches there are and how many rows one takes; target: a first guess.
    """
    count, size = shape
    order = np.argsort(target, kind="stable")
    found = target.copy()
    found[order[conflicts.clashing(rows[order], target[order])]] = -1
    for turn in range(_TRIES):
        left = np.flatnonzero(found < 0)
        if not len(left):
            break
        left = left[permutation(len(left), seed, f"{stream}/{turn}/left")]
        held = np.bincount(found[found >= 0], minlength=count)
        holes = _holes(size - held, len(left), seed, f"{stream}/{turn}/holes" if turn else "")
        touched = np.zeros(count, bool)
        touched[holes] = True
        members = np.flatnonzero((found >= 0) & touched[found])
        tried = np.concatenate([members, left])
        where = np.concatenate([found[members], holes])
        order = np.argsort(where, kind="stable")
        clash = np.empty(len(order), bool)
        clash[order] = conflicts.clashing(rows[tried[order]], where[order])
        fits = ~clash[len(members) :]
        found[left[fits]] = holes[fits]
        hopeless = fits.sum() * 16 < len(left)
        if hopeless and len(left) > max(size, count // 16):
            break
    return found


def _holes(free: Places, wanted: int, seed: int, stream: str) -> Places:
    """int64[wanted]: batches with room, rising; as often as `free` allows.

    Without a `stream` the first ones, so that only the last batches are not full; else at random,
    of different batches if there are enough of them.
    """
    roomy = np.flatnonzero(free)
    if not stream:
        enough = np.searchsorted(np.cumsum(free[roomy]), wanted) + 1
        return np.repeat(roomy[:enough], free[roomy[:enough]])[:wanted]
    if len(roomy) < wanted:
        roomy = np.repeat(roomy, free[roomy])
    return np.sort(roomy[permutation(len(roomy), seed, stream)[:wanted]])

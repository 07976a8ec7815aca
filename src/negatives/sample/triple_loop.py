"""The loop that corrupts triples, compiled: what `triples.py` describes, slot by slot."""

from __future__ import annotations

from typing import Any

import numpy as np

from negatives.arrays import Bools, Doubles, Places, Rows
from negatives.compiling import compiled
from negatives.sample.attempts import GOLDEN
from negatives.sample.draw_loop import _mix, _scaled


@compiled
def _kth(ticket: Any, low: Any, high: Any, gone: Rows) -> Any:
    """The place of the ticket-th that is not among gone[low:high], ascending places."""
    first = low
    while low < high:
        middle = (low + high) >> 1
        if np.int64(gone[middle]) - (middle - first) <= ticket:
            low = middle + 1
        else:
            high = middle
    return ticket + low - first


@compiled
def _first_of(pool: Any, low: Any, high: Any, pools: Any) -> Any:
    """Where `pool`, or what is above it, begins in pools[low:high], ascending."""
    while low < high:
        middle = (low + high) >> 1
        if pools[middle] < pool:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def corrupt(
    triples: Any,
    rows: Places,
    starts: Places,
    known: Rows,
    list_starts: Places,
    lists: Rows,
    of_row: Places,
    of_entity: Places,
    gone_starts: Places,
    gone: Rows,
    gone_pools: Places,
    entities: int,
    head_shares: Doubles,
    mix: float,
    drops: bool,
    key: np.uint64,
    made: Any,
    valid: Bools,
) -> None:
    """Fill `made` int64[n, slots, 3] and `valid` bool[n, slots].

    With `drops` a known answer is drawn like any other entity, and is not valid.
    """
    left = np.empty(2, np.int64)  # of all entities, for the tail and for the head
    some = np.empty(2, np.int64)  # of the list
    base = np.empty(2, np.int64)
    low = np.empty(2, np.int64)
    high = np.empty(2, np.int64)
    for i in range(len(triples)):
        for end in range(2):
            row = np.int64(rows[i, end])
            old = triples[i, 2 - 2 * end]
            pool = np.int64(-1)
            if row < 0:
                left[end] = entities - 1
            else:
                left[end] = entities
                if not drops:
                    left[end] -= starts[row + 1] - starts[row]
                if len(of_row):
                    pool = of_row[row]
            if len(of_entity):
                pool = of_entity[old]
            some[end] = 0
            if pool >= 0 and row >= 0:
                base[end] = list_starts[pool]
                low[end] = _first_of(pool, gone_starts[row], gone_starts[row + 1], gone_pools)
                high[end] = _first_of(pool + 1, low[end], gone_starts[row + 1], gone_pools)
                some[end] = list_starts[pool + 1] - base[end] - (high[end] - low[end])
        share = head_shares[triples[i, 1]]
        start = _mix(key ^ _mix(np.uint64(i)))
        for slot in range(made.shape[1]):
            drawn = _mix(start + np.uint64(slot) * GOLDEN)
            coins = _mix(drawn)
            side = np.int64(np.float64(coins >> np.uint64(32)) * 2.0**-32 < share)
            hard = np.float64(coins & np.uint64(0xFFFFFFFF)) * 2.0**-32 < mix
            if left[side] <= 0:
                side = 1 - side
            made[i, slot, 0] = triples[i, 0]
            made[i, slot, 1] = triples[i, 1]
            made[i, slot, 2] = triples[i, 2]
            valid[i, slot] = left[side] > 0
            if left[side] <= 0:
                continue
            row = np.int64(rows[i, side])
            if hard and some[side] > 0:
                place = _kth(_scaled(drawn, some[side]), low[side], high[side], gone)
                entity = np.int64(lists[base[side] + place])
            elif row >= 0:
                entity = _scaled(drawn, left[side])
                if not drops:
                    entity = _kth(entity, starts[row], starts[row + 1], known)
            else:
                entity = _scaled(drawn, left[side])
                entity += entity >= triples[i, 2 - 2 * side]
            made[i, slot, 2 - 2 * side] = entity
            if drops and row >= 0:
                place = _first_of(entity, starts[row], starts[row + 1], known)
                valid[i, slot] = place == starts[row + 1] or known[place] != entity

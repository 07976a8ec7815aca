"""The same draws, compiled: one loop over slots in place of passes over arrays.

Each function is the plain arithmetic of its namesake in `conditioned`, `law` or `exclusion`, to the
bit. Imported only where numba is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from negatives.arrays import Bools, Floats, Keys, Places, Rows
from negatives.compiling import compiled
from negatives.sample.attempts import ATTEMPTS, BY_RANK, GOLDEN, NO_DOC
from negatives.sample.exclusion import SPREAD, Exclusion
from negatives.sample.law import LOW_32, Law, Tickets

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SPREAD = np.uint64(SPREAD)


def draw(
    law: Law,
    exclusion: Exclusion,
    left: Tickets,
    taken: Tickets,
    keys: Keys,
    rows: Places,
    slots: int,
) -> Rows:
    """uint32[b, slots]: see `Conditioned.draw`."""
    docs = np.empty((len(rows), slots), np.uint32)
    _fill(
        docs, keys, rows, law.total, law.ends, law.tickets, law.alias, law.columns, law.shift,
        exclusion.starts, exclusion.members, exclusion.bits, exclusion.bytes_at, exclusion.factors,
        exclusion.shifts, left, taken,
    )  # fmt: skip
    return docs


def log_q(shares: Floats, docs: Rows, left: Floats) -> Floats:
    """float32[b, m]: shares of the documents less what is left to each row."""
    found = np.empty(docs.shape, np.float32)
    _subtract(found, shares, docs, left)
    return found


def first(docs: Rows) -> Bools:
    """bool, as docs: whether a document stands in its row for the first time."""
    found = np.empty(docs.shape, np.bool_)
    _mark_first(found, docs, np.zeros(2 << docs.shape[1].bit_length(), np.int64))
    return found


@compiled
def _mix(value: np.uint64) -> np.uint64:
    mixed = value + GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return mixed ^ (mixed >> np.uint64(31))


@compiled
def _scaled(value: np.uint64, total: int) -> Any:
    return np.int64(np.float64(np.int64(value >> np.uint64(11))) * (total * 2.0**-53))


@compiled
def _drawn(value: np.uint64, total: int, alias: Keys, columns: int, shift: int) -> Any:
    if len(alias) == 0:
        return np.uint32(_scaled(value, total))
    column = value >> np.uint64(64 - columns)
    entry = alias[column]
    inside = value >> np.uint64(64 - columns - shift)
    inside &= (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
    other = entry >> np.uint64(32)
    own = np.uint64(0) - np.uint64(inside < (entry & LOW_32))  # all ones, or none: no branch
    return np.uint32(other ^ ((column ^ other) & own))


@compiled
def _doc_at(ticket: int, ends: Tickets) -> Any:
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) >> 1
        if ends[middle] <= ticket:
            low = middle + 1
        else:
            high = middle
    return np.uint32(low if len(ends) else ticket)


@compiled
def _has(doc: np.int64, start: int, end: int, members: Rows) -> bool:
    low, high = start, end
    while low < high:
        middle = (low + high) >> 1
        if np.int64(members[middle]) < doc:
            low = middle + 1
        else:
            high = middle
    return low < end and np.int64(members[low]) == doc


@compiled
def _by_rank(
    ticket: int,
    start: int,
    end: int,
    members: Rows,
    ends: Tickets,
    tickets: Tickets,
    taken: Tickets,
) -> int:
    low, high = start, end
    while low < high:
        middle = (low + high) >> 1
        member = np.int64(members[middle])
        if len(ends) == 0:
            before = member - (middle - start)
        else:
            before = ends[member] - tickets[member] - (taken[middle] - taken[start])
        if before <= ticket:
            low = middle + 1
        else:
            high = middle
    return ticket + (low - start if len(ends) == 0 else taken[low] - taken[start])


@compiled
def _fill(
    docs: Rows,
    keys: Keys,
    rows: Places,
    total: int,
    ends: Tickets,
    tickets: Tickets,
    alias: Keys,
    columns: int,
    shift: int,
    starts: Places,
    members: Rows,
    bits: Any,
    bytes_at: Places,
    factors: Rows,
    shifts: Rows,
    left: Tickets,
    taken: Tickets,
) -> None:
    slots = docs.shape[1]
    for b in range(docs.shape[0]):
        row = rows[b]
        if left[row] == 0:
            docs[b, :] = NO_DOC
            continue
        start, end, at = starts[row], starts[row + 1], bytes_at[row]
        factor, spread = np.uint64(factors[row]), np.uint64(shifts[row])
        attempts = ATTEMPTS if left[row] * 2 >= total else 0
        # First attempts apart, in two passes: nothing in them waits for anything before.
        if attempts:
            for slot in range(slots):
                state = keys[b] + np.uint64(slot) * GOLDEN
                docs[b, slot] = _drawn(_mix(state), total, alias, columns, shift)
        for slot in range(slots):
            for attempt in range(attempts + 1):
                if 0 < attempt < attempts:
                    hashed = _mix(keys[b] + _counter(slot, attempt))
                    docs[b, slot] = _drawn(hashed, total, alias, columns, shift)
                elif attempt == attempts:
                    ticket = _scaled(_mix(keys[b] + _counter(slot, BY_RANK)), left[row])
                    ticket = _by_rank(ticket, start, end, members, ends, tickets, taken)
                    docs[b, slot] = _doc_at(ticket, ends)
                    break
                doc = np.int64(docs[b, slot])
                place = ((np.uint64(doc) * factor) & LOW_32) >> spread
                byte = np.uint64(bits[at + np.int64(place >> np.uint64(3))])
                if (byte >> (place & np.uint64(7))) & np.uint64(1) == np.uint64(0):
                    break
                if not _has(doc, start, end, members):
                    break


@compiled
def _counter(slot: int, attempt: int) -> np.uint64:
    return (np.uint64(slot) + (np.uint64(attempt) << np.uint64(32))) * GOLDEN


@compiled
def _subtract(found: Floats, shares: Floats, docs: Rows, left: Floats) -> None:
    last = np.uint32(len(shares) - 1)
    for b in range(docs.shape[0]):
        for slot in range(docs.shape[1]):
            found[b, slot] = shares[min(docs[b, slot], last)] - left[b]


@compiled
def _mark_first(found: Bools, docs: Rows, table: Places) -> None:
    """By a hash table that holds row * 2^32 + document, so that it need not be emptied."""
    mask = np.uint64(len(table) - 1)
    for b in range(docs.shape[0]):
        stamp = np.int64(b + 1) << 32
        for slot in range(docs.shape[1]):
            entry = stamp | np.int64(docs[b, slot])
            place = ((np.uint64(docs[b, slot]) * _SPREAD) >> np.uint64(16)) & mask
            while table[place] >= stamp and table[place] != entry:
                place = (place + np.uint64(1)) & mask
            found[b, slot] = table[place] != entry
            table[place] = entry

"""Which rows conflict with an earlier one of their batch, compiled: one pass, two marks a key.

Imported only where numba is installed; compiled once and kept beside the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from negatives.batch.conflicts import Lists
from negatives.batch.order import Places
from negatives.optional import require
from negatives.schema import Bools

_numba = require("numba", extra="fast")


def clashing(rows: Places, batch: Places, shows: Lists, asks: Lists, keys: int) -> Bools:
    """bool[n]: see `Conflicts.clashing`."""
    found = np.zeros(len(rows), np.bool_)
    _mark(
        found,
        np.ascontiguousarray(rows, np.int64),
        np.ascontiguousarray(batch, np.int64),
        shows.at,
        shows.keys,
        asks.at,
        asks.keys,
        np.full(keys, -1, np.int64),
        np.full(keys, -1, np.int64),
    )
    return found


def _loop(
    found: Any,
    rows: Any,
    batch: Any,
    shows_at: Any,
    shows: Any,
    asks_at: Any,
    asks: Any,
    shown: Any,
    asked: Any,
) -> None:
    """`shown` and `asked` hold the last batch in which each key was shown, or asked about."""
    for place in range(len(rows)):
        row, here = rows[place], batch[place]
        first_shown, end_shown = shows_at[row], shows_at[row + 1]
        first_asked, end_asked = asks_at[row], asks_at[row + 1]
        for at in range(first_shown, end_shown):
            if asked[shows[at]] == here:
                found[place] = True
        for at in range(first_asked, end_asked):
            if shown[asks[at]] == here:
                found[place] = True
        for at in range(first_shown, end_shown):
            shown[shows[at]] = here
        for at in range(first_asked, end_asked):
            asked[asks[at]] = here


try:
    _mark = _numba.njit(cache=True, nogil=True, boundscheck=False)(_loop)
except RuntimeError:  # nowhere to keep what was compiled
    _mark = _numba.njit(nogil=True, boundscheck=False)(_loop)

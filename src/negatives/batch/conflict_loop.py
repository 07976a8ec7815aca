"""Which rows conflict with an earlier one of their batch, compiled: one pass, two marks a key.

Imported only where numba is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from negatives.arrays import Bools, Places, Ragged
from negatives.compiling import compiled


def clashing(
    rows: Places, batch: Places, shows: Ragged[np.int32], asks: Ragged[np.int32], keys: int
) -> Bools:
    """bool[n]: see `Conflicts.clashing`."""
    found = np.zeros(len(rows), np.bool_)
    _mark(
        found,
        np.ascontiguousarray(rows, np.int64),
        np.ascontiguousarray(batch, np.int64),
        shows.starts,
        shows.values,
        asks.starts,
        asks.values,
        np.full(keys, -1, np.int64),
        np.full(keys, -1, np.int64),
    )
    return found


@compiled
def _mark(
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

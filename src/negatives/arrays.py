"""Work cut into consecutive spans of bounded volume, so that memory does not grow with the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def by_volume(sizes: NDArray[np.int64], limit: int = 1 << 22) -> list[tuple[int, int]]:
    """Consecutive spans whose sizes add up to at most `limit` (at least one item each)."""
    ends = np.cumsum(sizes)
    spans, start = [], 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + limit, "right")))
        spans.append((start, stop))
        start = stop
    return spans

"""Histograms that can be added up part by part, and made coarse afterwards without a second look.

Values are counted on a fine grid of steps that are powers of ten, so that 0 is always an edge and
every coarse step of 1, 2 or 5 times a power of ten is a whole number of fine ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Places

_FINEST = 5_000  # fine steps between the lowest and the highest value, at least
_BINS = 50  # bins of a picture, at most
_TAIL = 0.002  # share of a series, at either end, that may lie beyond the picture
_WIDER = 2.0  # times as wide the picture may be for all of it to be in


@dataclass(frozen=True, slots=True)
class Grid:
    """Fine bins [first + i, first + i + 1) x step, for i in 0 .. size - 1."""

    step: float
    first: int
    size: int

    @staticmethod
    def over(low: float, high: float) -> Grid:
        """The grid that covers [low, high]."""
        spread = (high - low) or abs(high) or 1.0
        step = 10.0 ** math.floor(math.log10(spread / _FINEST))
        first = math.floor(low / step)
        return Grid(step, first, math.floor(high / step) - first + 1)

    def places(self, values: NDArray[np.float64]) -> Places:
        """The fine bin of each value."""
        places: Places = np.floor(values / self.step).astype(np.int64)
        places -= self.first
        return np.clip(places, 0, self.size - 1, out=places)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of several series on one grid: int64[series, bins]."""

    grid: Grid
    series: tuple[str, ...]
    counts: Places

    @staticmethod
    def empty(grid: Grid, series: tuple[str, ...]) -> Histogram:
        """Nothing counted yet."""
        return Histogram(grid, series, np.zeros((len(series), grid.size), np.int64))

    def add(self, codes: NDArray[np.intp], values: NDArray[np.float64]) -> None:
        """Count `values`, each in the series of its code; what is not finite is left out."""
        real = np.isfinite(values)
        if not real.all():
            codes, values = codes[real], values[real]
        flat = codes * self.grid.size + self.grid.places(values)
        self.counts[:] += np.bincount(flat, minlength=self.counts.size).reshape(self.counts.shape)

    def summed(self, name: str, parts: tuple[str, ...]) -> Histogram:
        """With one more series: the sum of others."""
        total = self.counts[[self.series.index(part) for part in parts]].sum(axis=0)
        return Histogram(self.grid, (*self.series, name), np.vstack([self.counts, total]))

    def figures(self, shown: tuple[str, ...]) -> dict[str, Any] | None:
        """Plain values for `shown` series that have any: edges, counts, quantiles; None if empty.

        `edges` are nice numbers, [a, b) each; `below` and `above` count what lies beyond them.
        """
        rows = {name: self.counts[self.series.index(name)] for name in shown}
        rows = {name: counts for name, counts in rows.items() if counts.sum()}
        if not rows:
            return None
        start, stop, width = self._frame(rows)
        edges = [
            _short((self.grid.first + at) * self.grid.step) for at in range(start, stop + 1, width)
        ]
        return {
            "edges": edges,
            "series": {name: self._series(row, start, stop, width) for name, row in rows.items()},
        }

    def share_from(self, name: str, low: float) -> float | None:
        """Share of a series at or above `low`, a multiple of the step; None if it is empty."""
        counts = self.counts[self.series.index(name)]
        total = int(counts.sum())
        at = max(0, round(low / self.grid.step) - self.grid.first)
        return int(counts[at:].sum()) / total if total else None

    def quantile(self, name: str, share: float) -> float | None:
        """The value below which `share` of a series lies, to within a fine step; None if empty."""
        counts = self.counts[self.series.index(name)]
        total = int(counts.sum())
        return self._quantile(counts, share) if total else None

    def _series(self, counts: Places, start: int, stop: int, width: int) -> dict[str, Any]:
        size = len(counts)
        padded = np.concatenate(
            [np.zeros(max(0, -start), np.int64), counts, np.zeros(max(0, stop - size), np.int64)]
        )
        inside = padded[max(0, start) : max(0, start) + stop - start]
        return {
            "count": int(counts.sum()),
            "counts": inside.reshape(-1, width).sum(axis=1).tolist(),
            "below": int(counts[: max(0, start)].sum()),
            "above": int(counts[stop:].sum()) if stop < size else 0,
            "low": self._near(counts, 0.1, width),
            "median": self._near(counts, 0.5, width),
            "high": self._near(counts, 0.9, width),
        }

    def _frame(self, rows: Mapping[str, Places]) -> tuple[int, int, int]:
        """Fine bins (start, stop, bins in a coarse one) that show all of every series.

        Nearly all, where a few values would squeeze the others together.
        """
        start, stop = self._reach(rows, _TAIL)
        first, last = self._reach(rows, 0.0)
        if last - first <= _WIDER * (stop - start):
            start, stop = first, last
        width = _nice_multiple((stop - start) / _BINS)
        low = math.floor((self.grid.first + start) / width) * width - self.grid.first
        high = math.ceil((self.grid.first + stop) / width) * width - self.grid.first
        return low, high, width

    def _reach(self, rows: Mapping[str, Places], tail: float) -> tuple[int, int]:
        """Fine bins from the first to the last value of any series, but for a share at each end."""
        starts, stops = [], []
        for counts in rows.values():
            below = np.cumsum(counts)
            total = int(below[-1])
            starts.append(int(np.searchsorted(below, total * tail, side="right")))
            stops.append(int(np.searchsorted(below, total * (1 - tail), side="left")) + 1)
        return min(starts), max(stops)

    def _near(self, counts: Places, share: float, width: int) -> float:
        """A quantile to a thousandth of a coarse bin: more digits would be pretence."""
        unit = width * self.grid.step / 1000
        return _short(round(self._quantile(counts, share) / unit) * unit)

    def _quantile(self, counts: Places, share: float) -> float:
        """Interpolated inside its fine bin."""
        below = np.cumsum(counts)
        wanted = share * int(below[-1])
        at = min(int(np.searchsorted(below, wanted, side="left")), len(counts) - 1)
        at = int(np.flatnonzero(counts[at:])[0]) + at if counts[at:].any() else at
        inside = (wanted - (below[at] - counts[at])) / max(int(counts[at]), 1)
        return float((self.grid.first + at + inside) * self.grid.step)


def _short(value: float) -> float:
    """Without what the last binary digits add: 0.3 for 0.30000000000000004, at any scale."""
    return float(f"{value:.12g}")


def _nice_multiple(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, ... that is not below `least`."""
    size = 1
    while True:
        for digit in (1, 2, 5):
            if digit * size >= least:
                return digit * size
        size *= 10

"""A logistic model that adds up one monotone curve a column; no bit depends on how many threads.

A generalised additive model (Hastie and Tibshirani, 1986): log-odds are a constant and the sum of a
curve of each column. A curve is piecewise linear between knots and level beyond them. Its rise from
each knot to the next is a parameter, which may not be negative where the curve may only rise:
fitting is then a convex problem with one solution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from negatives.arrays import Bools, Doubles, Floats, Places
from negatives.stats.logistic import shortened, sigmoid

LEVELS: Final = (0.0, 0.5, 0.8, 0.92, 0.97, 0.99, 1.0)
"""Quantiles at which knots stand, from the least telling value of a column to the most: what
matters is where few values are."""
_RIDGE: Final = 1.0  # on a curve's slope, in log-odds for a standard deviation
_SMOOTH: Final = 4.0  # on how much the slope changes at a knot
_UNKNOWN: Final = 4.0  # on the log-odds of a value that is not known
_CONSTANT: Final = 1e-6
_NEWTON: Final = 30
_CLOSE: Final = 1e-3  # log-odds
_ROWS: Final = 4096


@dataclass(frozen=True, slots=True)
class Curve:
    """Log-odds `heights` (float64[k]) at ascending `knots` (float64[k]); `unknown` where NaN."""

    knots: Doubles
    heights: Doubles
    unknown: float

    def at(self, values: Floats) -> Doubles:
        """float64[n]: the heights over values[n]."""
        found = np.interp(values, self.knots, self.heights)
        return np.where(np.isnan(values), self.unknown, found)

    def plus(self, other: Curve) -> Curve:
        """The sum of two curves."""
        knots = np.union1d(self.knots, other.knots)
        heights = sum(np.interp(knots, each.knots, each.heights) for each in (self, other))
        return Curve(knots, np.asarray(heights), self.unknown + other.unknown)

    def times(self, factor: float) -> Curve:
        """The curve with all of its heights multiplied."""
        return Curve(self.knots, self.heights * factor, self.unknown * factor)


LEVEL: Final = Curve(np.zeros(1), np.zeros(1), 0.0)
"""The curve of a column that says nothing."""


@dataclass(frozen=True, slots=True)
class Ramps:
    """A table as the parameters of the curves see it.

    `matrix` (float32[n, parameters]) has for each column one ramp from each knot to the next (0
    below, 1 above, rising in between; all 0 where the value is not known), then whether the value
    is not known; its last parameter is the constant. `bounded`: which may not be negative.
    """

    knots: Sequence[Doubles]
    signs: Sequence[int]
    matrix: Floats
    penalty: Doubles
    bounded: Bools

    @staticmethod
    def of(values: Floats, directions: Sequence[int]) -> Ramps:
        """From float32[n, columns], NaN where not known; 1: may only rise, -1: only fall, 0: both.

        Knots look at no label.
        """
        signs = [-1 if direction < 0 else 1 for direction in directions]
        columns = [sign * values[:, place] for place, sign in enumerate(signs)]
        knots = [_knots(column) for column in columns]
        sizes = [*(max(len(at), 1) for at in knots), 1]
        matrix = np.ones((len(values), sum(sizes)), np.float32)
        penalty = np.zeros((sum(sizes), sum(sizes)))
        bounded = np.zeros(sum(sizes), bool)
        end = 0
        for column, at, size, direction in zip(columns, knots, sizes, directions, strict=False):
            start, end = end, end + size
            matrix[:, start:end] = _ramps(column, at)
            penalty[start : end - 1, start : end - 1] = _stiffness(column, at)
            penalty[end - 1, end - 1] = _UNKNOWN
            bounded[start : end - 1] = direction != 0
        penalty[-1, -1] = _CONSTANT
        return Ramps(knots, signs, matrix, penalty, bounded)

    def fit(self, rows: Places, target: Bools) -> tuple[list[Curve], float]:
        """The curve of each column, and the constant, that tell `target` (bool[n]) best.

        By Newton's method on the given rows. `target` must be neither all true nor all false there.
        """
        weights = np.zeros(len(self.penalty))
        weights[-1] = np.log(target[rows].mean() / (1 - target[rows].mean()))
        free = ~self.bounded
        for _ in range(_NEWTON):
            curve, slope = self.penalty.copy(), -self.penalty @ weights
            for inputs, wanted in self._blocks(rows, target):
                p = sigmoid((inputs @ weights.astype(np.float32)).astype(np.float64)).astype(
                    np.float32
                )
                slope += inputs.T @ (wanted - p)
                curve += inputs.T @ ((p * (1 - p))[:, None] * inputs)
            found, free = least(curve, curve @ weights + slope, self.bounded, free)
            step = shortened(found - weights)
            weights += step
            if np.abs(step).max() < _CLOSE:
                break
        return self._curves(weights), float(weights[-1])

    def _blocks(self, rows: Places, target: Bools) -> Iterator[tuple[Floats, Floats]]:
        """A few thousand rows at a time: no second copy of the table is held."""
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            yield self.matrix[part], target[part].astype(np.float32)

    def _curves(self, weights: Doubles) -> list[Curve]:
        made, end = [], 0
        for knots, sign in zip(self.knots, self.signs, strict=True):
            start, end = end, end + max(len(knots), 1)
            heights = np.append(0.0, np.cumsum(weights[start : end - 1]))
            at = knots if len(knots) else np.zeros(1)
            made.append(Curve((sign * at)[::sign], heights[::sign], float(weights[end - 1])))
        return made


def _knots(column: Floats) -> Doubles:
    known = column[np.isfinite(column)]
    if not len(known):
        return np.zeros(0)
    return np.unique(np.quantile(known, LEVELS, method="lower").astype(np.float64))


def _ramps(column: Floats, knots: Doubles) -> Floats:
    """float32[n, intervals + 1]: how far each value is up each interval; and whether unknown."""
    unknown = ~np.isfinite(column)
    if len(knots) < 2:
        return unknown[:, None].astype(np.float32)
    first, width = knots[:-1].astype(np.float32), np.diff(knots).astype(np.float32)
    filled = np.where(unknown, first[0], column)
    ramps = np.clip((filled[:, None] - first) / width, 0, 1)
    return np.concatenate([ramps, unknown[:, None]], axis=1).astype(np.float32)


def _stiffness(column: Floats, knots: Doubles) -> Doubles:
    """float64[intervals, intervals]: what a curve's rises cost, by their slopes."""
    if len(knots) < 2:
        return np.zeros((0, 0))
    known = column[np.isfinite(column)].astype(np.float64)
    widths = np.diff(knots) / known.std()
    slopes = np.diag(1 / widths)
    bends = np.diff(slopes, axis=0)
    bowed: Doubles = _SMOOTH / len(widths) * bends.T @ bends
    return bowed + _RIDGE * slopes @ np.diag(widths / widths.sum()) @ slopes


def least(curve: Doubles, slope: Doubles, bounded: Bools, free: Bools) -> tuple[Doubles, Bools]:
    """The x that minimises x' curve x / 2 - slope' x, x >= 0 where bounded; and which are not 0.

    By block principal pivoting (Júdice and Pires, 1994), from a guess of which are `free`.
    `curve` must be positive definite.
    """
    near = 1e-9 * float(np.abs(slope).max(initial=1.0))
    fewest, patience = len(slope) + 1, _PATIENCE
    while True:
        x = np.zeros(len(slope))
        x[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        gradient = curve @ x - slope
        wrong = np.flatnonzero(bounded & np.where(free, x < -near, gradient < -near))
        if not len(wrong):
            return np.where(bounded, np.maximum(x, 0), x), free
        if len(wrong) < fewest:
            fewest, patience = len(wrong), _PATIENCE
        elif patience:
            patience -= 1
        else:
            wrong = wrong[-1:]  # one at a time always ends
        free = free.copy()
        free[wrong] = ~free[wrong]


_PATIENCE: Final = 3

"""A model of which pairs are labelled: a curve for each piece of evidence, added up.

Two models, averaged: one of monotone curves, which finds from where on a piece of evidence counts,
and a logistic one of straight lines, which holds where there is little data. The mean of both is
again one curve a column: a table that can be read, and asked about millions of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from negatives.arrays import Bools, Doubles, Floats
from negatives.one_thread import one_thread
from negatives.stats.logistic import fit_logistic, with_intercept
from negatives.stats.monotone import LEVEL, Curve, Ramps
from negatives.stats.scaling import Scale

_LINE_RIDGE: Final = 10.0
_FARTHEST: Final = 8.0
"""Deviations from the mean up to which a straight line goes on: no value is so far out that it
counts for all."""


@dataclass(frozen=True, slots=True)
class Labelling:
    """Log-odds of being labelled: `constant` and the sum of a curve of each column."""

    curves: tuple[Curve, ...]
    constant: float

    def logits(self, values: Floats) -> Doubles:
        """float64[n]: log-odds that each row of float32[n, columns] is labelled."""
        total = np.full(len(values), self.constant)
        for column, curve in enumerate(self.curves):
            if curve is not LEVEL:
                total += curve.at(values[:, column])
        return total


def fit_labellings(
    values: Floats,
    labelled: Bools,
    fitted_on: Sequence[Bools],
    directions: Sequence[int],
    threads: int = 1,
) -> list[Labelling]:
    """A model of which rows are labelled (bool[n]) for each set of rows (bool[n]) to learn from.

    `values`: float32[n, columns], NaN where not known; `directions`: 1 where a curve may only rise,
    -1 where it may only fall. Where unlabelled rows were left out, log-odds are too high by as much
    for all: fitting the label rate, which is told how many rows each stands for, puts that right.
    """
    used = np.flatnonzero(np.isfinite(values).any(axis=0)).tolist()
    table = values[:, used]
    ramps = Ramps.of(table, [directions[column] for column in used])

    def one(rows: Bools) -> Labelling:
        places = np.flatnonzero(rows)
        curves, constant = ramps.fit(places, labelled)
        lines, start = _lines(table[places], labelled[places])
        mean = [a.plus(b).times(0.5) for a, b in zip(curves, lines, strict=True)]
        every = [LEVEL] * values.shape[1]
        for column, curve in zip(used, mean, strict=True):
            every[column] = curve
        return Labelling(tuple(every), (constant + start) / 2)

    # One thread of the matrix product each: sums are not rounded by how many there are.
    with one_thread(), ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(one, fitted_on))


def _lines(values: Floats, labelled: Bools) -> tuple[list[Curve], float]:
    """A logistic model as a straight line for each column, and its constant."""
    scale = Scale.of(values)
    inputs = with_intercept(scale.applied(values).clip(-_FARTHEST, _FARTHEST))
    *slopes, constant = fit_logistic(inputs, labelled.astype(np.float64), _LINE_RIDGE)
    ends = np.array([-_FARTHEST, _FARTHEST])
    lines = [
        Curve(mean + deviation * ends, slope * ends, 0.0)
        for mean, deviation, slope in zip(
            scale.mean.astype(np.float64), scale.deviation.astype(np.float64), slopes, strict=True
        )
    ]
    return lines, float(constant)

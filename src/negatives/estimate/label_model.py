"""A model of which pairs are labelled: a monotone boosted one and a logistic one, averaged.

The boosted one finds what matters together, the logistic one holds where there is little data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from negatives.arrays import Doubles
from negatives.schema import Bools, Floats

_TREES = 120
_RATE = 0.06
_LEAVES = 8
_IN_LEAF = 30
_SHRINK = 5.0
_LOGISTIC_C = 0.1
_VARIES = 1e-9  # of the largest value: a spread no greater is none


@dataclass(frozen=True, slots=True)
class Labelling:
    """Fitted on some queries; asked about others. `used`: columns in which anything was known."""

    used: Bools
    boosted: Any
    logistic: Any
    centre: Floats
    scale: Floats

    def logits(self, values: Floats) -> Doubles:
        """float64[n]: log-odds that each row of float32[n, features] is labelled."""
        values = values[:, self.used]
        with threadpool_limits(limits=1):
            trees = self.boosted.decision_function(values)
            found: Doubles = (trees + self.logistic.decision_function(self._scaled(values))) / 2
        return found

    def _scaled(self, values: Floats) -> Floats:
        return scaled(values, self.centre, self.scale)


def scaled(values: Floats, centre: Floats, scale: Floats) -> Floats:
    """Centred and scaled; 0, the mean, where nothing is known."""
    found: Floats = np.nan_to_num((values - centre) / scale, nan=0.0).clip(-8, 8)
    return found


def fit_labelling(values: Floats, labelled: Bools, directions: Sequence[int]) -> Labelling:
    """Learn from float32[n, features] which rows are labelled (bool[n]); NaN: not known.

    Where unlabelled rows were left out, log-odds are too high by as much for all: fitting the
    selection, which is told how many each row stands for, puts that right.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    used: Bools = np.asarray(np.isfinite(values).any(axis=0))
    values = values[:, used]
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0).astype(np.float64)
    centre = filled.sum(axis=0) / count
    spread = np.sqrt((np.where(known, filled - centre, 0) ** 2).sum(axis=0) / count)
    # What does not vary is left with what rounding makes of it, which grows with the scale.
    spread[spread <= _VARIES * np.abs(filled).max(axis=0, initial=0)] = 1
    centre, spread = centre.astype(np.float32), spread.astype(np.float32)
    boosted = HistGradientBoostingClassifier(
        max_iter=_TREES,
        learning_rate=_RATE,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=_IN_LEAF,
        l2_regularization=_SHRINK,
        monotonic_cst=np.asarray(directions)[used].tolist(),
        early_stopping=False,
        random_state=0,
    )
    logistic = LogisticRegression(C=_LOGISTIC_C, max_iter=500)
    # One thread: the tables are small, and threads that wait for each other cost more than they do;
    # and sums are not rounded by how many there are.
    with threadpool_limits(limits=1):
        boosted.fit(values, labelled)
        logistic.fit(scaled(values, centre, spread).astype(np.float64), labelled)
    return Labelling(used, boosted, logistic, centre, spread)

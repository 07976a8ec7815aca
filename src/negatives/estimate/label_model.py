"""A model of which pairs are labelled: a monotone boosted one and a logistic one, averaged.

The boosted one finds what matters together, the logistic one holds where there is little data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from negatives.arrays import Bools, Doubles, Floats
from negatives.stats.scaling import Scale

_TREES = 120
_RATE = 0.06
_LEAVES = 8
_IN_LEAF = 30
_SHRINK = 5.0
_LOGISTIC_C = 0.1
_FARTHEST = 8.0  # deviations from the mean


@dataclass(frozen=True, slots=True)
class Labelling:
    """Fitted on some queries; asked about others. `used`: columns in which anything was known."""

    used: Bools
    boosted: Any
    logistic: Any
    scale: Scale[np.float32]

    def logits(self, values: Floats) -> Doubles:
        """float64[n]: log-odds that each row of float32[n, features] is labelled."""
        values = values[:, self.used]
        with threadpool_limits(limits=1):
            trees = self.boosted.decision_function(values)
            found: Doubles = (
                trees + self.logistic.decision_function(_inputs(self.scale, values))
            ) / 2
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
    scale = Scale.of(values)
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
        logistic.fit(_inputs(scale, values).astype(np.float64), labelled)
    return Labelling(used, boosted, logistic, scale)


def _inputs(scale: Scale[np.float32], values: Floats) -> Floats:
    """What the logistic model sees: no value is so far out that it counts for all."""
    return scale.applied(values).clip(-_FARTHEST, _FARTHEST)

"""How well a number tells two kinds of things apart: the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def auc(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Probability that one of ours is higher than one of theirs; ties count half.

    Neither is empty, and none is NaN.

    >>> auc(np.array([3.0, 1.0]), np.array([2.0, 1.0]))
    0.625
    """
    count, rest = len(ours), len(theirs)
    ranks = pl.Series(np.concatenate([ours, theirs])).rank("average").to_numpy()[:count].sum()
    return float((ranks - count * (count + 1) / 2) / (count * rest))

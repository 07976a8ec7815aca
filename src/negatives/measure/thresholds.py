"""Thresholds of a score by the share of the relevant (rare) ones that may be missed.

A pair, or an item, is taken for relevant where its score is at or above the threshold. The
false-negative rate is the share of the relevant ones below it, the false-positive rate the share of
the others at or above it. Two models, or a model and its compressed form, are compared by their
false-positive rates at an equal bound on false negatives, never at a fixed 0.5, which mixes how
well they rank with how they are calibrated. A bound from counted examples is exact (Clopper and
Pearson, 1934; the same order statistic as in split-conformal prediction), and needs some: with 20
relevant ones a single miss is 5%, and no threshold can promise 5% with 95% confidence from fewer
than 59.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles
from negatives.errors import DataError, InputError
from negatives.measure.conformal import order
from negatives.stats.bounds import Clusters, upper_bound


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold, what it was chosen from, and what it does to those examples."""

    value: float
    relevant: int
    """Relevant examples that it was chosen from."""
    missed: int
    """Relevant ones of these below it."""
    others: int
    fpr: float
    """Share of the others at or above it. They had no part in choosing it."""
    bound: float | None
    """Highest false-negative rate not ruled out, with `confidence`; None where none was asked."""
    confidence: float | None

    @property
    def fnr(self) -> float:
        """Share of the relevant examples below it."""
        return self.missed / self.relevant

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "fnr": self.fnr}


def needed(max_fnr: float, confidence: float) -> int:
    """Relevant examples without which no threshold can promise `max_fnr`.

    >>> needed(0.05, 0.95), needed(0.1, 0.95)
    (59, 29)
    """
    return math.ceil(math.log(1 - confidence) / math.log(1 - max_fnr))


def choose_threshold(
    relevant: Bools,
    scores: NDArray[Any],
    *,
    max_fnr: float,
    confidence: float | None = 0.95,
    groups: Sequence[Hashable] | NDArray[Any] | None = None,
) -> Threshold:
    """The largest threshold that misses at most a share `max_fnr` of the relevant ones.

    relevant, scores: bool[n], float[n], of examples that no model was fitted to. With `confidence`
    the promise is about further relevant examples, exchangeable with these; None: about these alone
    (Entezari and Saukh 2019 choose it so), which further ones break about every second time.
    `groups`: what examples are of, such as queries, whose pairs are alike; the bound then counts
    as many examples as they are worth (`stats.bounds`), which is approximate. `DataError` where
    there are too few relevant ones for any threshold.

    >>> import numpy as np
    >>> y, s = np.array([1, 1, 1, 1, 0, 0]) > 0, np.array([0.9, 0.8, 0.8, 0.3, 0.5, 0.85])
    >>> choose_threshold(y, s, max_fnr=0.25, confidence=None).value
    0.8
    """
    _check(relevant, scores, max_fnr, confidence)
    scores = np.asarray(scores, np.float64)
    ours = np.sort(scores[relevant])
    if groups is not None and confidence is not None:
        misses, bounds = _by_group(relevant, scores, groups, max_fnr, confidence)
    else:
        misses = _misses(len(ours), max_fnr, confidence)
        bounds = None if confidence is None else upper_bound(misses, len(ours), confidence)
    if misses < 0 or not len(ours):
        raise DataError(
            f"{len(ours):,} relevant examples are too few for any threshold that misses at most "
            f"{max_fnr:.4g} of them" + ("" if confidence is None else f", {confidence:.4g} sure"),
            where="relevant",
            fix=_fix(max_fnr, confidence, groups is not None),
        )
    value = float(ours[misses])
    missed = int(np.searchsorted(ours, value))  # fewer than `misses` where scores are tied
    others = scores[~relevant]
    fpr = float((others >= value).mean()) if len(others) else float("nan")
    return Threshold(value, len(ours), missed, len(others), fpr, bounds, confidence)


def class_thresholds(
    labels: NDArray[Any],
    scores: NDArray[Any],
    *,
    max_fnr: float | Mapping[Any, float],
    confidence: float | None = 0.95,
) -> dict[Any, Threshold]:
    """A threshold for each class, which may be missed as often as is said for it.

    labels: the class of each example; scores: float[n, classes], columns in the order of the sorted
    classes. An example is taken for every class whose threshold its score reaches. Each promise
    holds with `confidence` by itself. `DataError` that names all classes with too few examples.

    >>> import numpy as np
    >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    >>> found = class_thresholds(np.array(["a", "a", "b", "b"]), scores, max_fnr=0, confidence=None)
    >>> {name: each.value for name, each in found.items()}
    {'a': 0.6, 'b': 0.3}
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    classes = np.unique(labels).tolist()
    if scores.shape != (len(labels), len(classes)):
        raise InputError(
            f"scores of the shape {scores.shape} for {len(labels):,} examples of {len(classes):,} "
            "classes",
            fix="give float[examples, classes], columns in the order of the sorted classes",
        )
    shares = max_fnr if isinstance(max_fnr, Mapping) else dict.fromkeys(classes, max_fnr)
    absent = [name for name in classes if name not in shares]
    if absent:
        raise InputError(
            f"no share of false negatives is said for {absent}", fix="say one for every class"
        )
    found, few = {}, []
    for column, name in enumerate(classes):
        own = labels == name
        try:
            found[name] = choose_threshold(
                own, scores[:, column], max_fnr=shares[name], confidence=confidence
            )
        except DataError as error:
            few.append(f"{name}: {error.what}")
    if few:
        raise DataError(
            "; ".join(few),
            where="labels",
            fix="give those classes more examples, or a larger share",
        )
    return found


def rates(relevant: Bools, scores: NDArray[Any], threshold: float) -> tuple[float, float]:
    """False-negative and false-positive rate of examples at a threshold; NaN where there are none.

    >>> import numpy as np
    >>> rates(np.array([1, 1, 0, 0]) > 0, np.array([0.9, 0.2, 0.5, 0.1]), 0.5)
    (0.5, 0.5)
    """
    said = np.asarray(scores) >= threshold
    ours, theirs = said[relevant], said[~relevant]
    return (
        float((~ours).mean()) if len(ours) else float("nan"),
        float(theirs.mean()) if len(theirs) else float("nan"),
    )


def _misses(count: int, max_fnr: float, confidence: float | None) -> int:
    """How many of so many relevant examples may be missed; -1 where no promise can be made."""
    if confidence is None:
        return min(math.floor(max_fnr * count + 1e-9), count - 1)
    return order(count, max_fnr, confidence) - 1


def _by_group(
    relevant: Bools,
    scores: Doubles,
    groups: Sequence[Hashable] | NDArray[Any],
    max_fnr: float,
    confidence: float,
) -> tuple[int, float | None]:
    """The misses that can be allowed where examples of one group are alike, and their bound."""
    if len(groups) != len(scores):
        raise InputError(
            f"{len(groups):,} groups for {len(scores):,} examples", fix="give every one its group"
        )
    names = np.unique(np.asarray(groups), return_inverse=True)[1][relevant]
    lowest = np.argsort(scores[relevant], kind="stable")
    trials = np.bincount(names).astype(np.int64)
    there = trials > 0
    if there.sum() < 2:
        return -1, None

    def bound(misses: int) -> float:
        events = np.bincount(names[lowest[:misses]], minlength=len(trials)).astype(np.int64)
        counted = Clusters.of(events[there], trials[there])
        return upper_bound(*counted.effective(confidence), confidence)

    last, bounds = _last_within(bound, math.floor(max_fnr * len(lowest)), max_fnr)
    return last, bounds


def _last_within(bound: Any, most: int, max_fnr: float) -> tuple[int, float | None]:
    """The last number of misses, from 0 on, whose bound is within the share, found by halving."""
    low, high, kept = -1, most + 1, None
    while high - low > 1:
        middle = (low + high) // 2
        value = bound(middle)
        if value <= max_fnr:
            low, kept = middle, value
        else:
            high = middle
    return low, kept


def _fix(max_fnr: float, confidence: float | None, grouped: bool) -> str:
    if confidence is None or max_fnr <= 0:
        return "give one relevant example or more, and a confidence only with a share above 0"
    at_least = f"give {needed(max_fnr, confidence):,} or more"
    each = ", of groups of their own" if grouped else ""
    return f"{at_least}{each}, allow a larger share, or ask for less confidence"


def _check(relevant: Bools, scores: NDArray[Any], max_fnr: float, confidence: float | None) -> None:
    if len(relevant) != len(scores) or np.asarray(relevant).dtype != np.bool_:
        raise InputError(
            f"{len(relevant):,} values of the type {np.asarray(relevant).dtype} say what is "
            f"relevant of {len(scores):,} scores",
            fix="give bool[n] and float[n]",
        )
    if not np.isfinite(np.asarray(scores, np.float64)).all():
        raise DataError("some scores are no finite numbers", where="scores", fix="leave them out")
    if not 0 <= max_fnr < 1:
        raise InputError(f"a share of {max_fnr:g}", where="max_fnr", fix="0 or more, below 1")
    if confidence is not None and not 0 < confidence < 1:
        raise InputError(f"a confidence of {confidence:g}", fix="above 0, below 1; or None")

"""A classifier before another model: items that have nothing in them are left out, and counted.

As a classifier of ultrasound frames stands before their segmentation ("Development and evaluation
of intraoperative ultrasound segmentation with negative image frames and multiple observer labels"):
of frames without the organ most are left out, and the share of those with it that is lost is
bounded. Dice is not defined on a frame that is empty, so such frames are counted by themselves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from negatives.arrays import Bools, Doubles, Floats
from negatives.errors import InputError
from negatives.learn.rare.examples import Parts, learning_part
from negatives.measure.thresholds import Threshold, choose_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescreen:
    """A logistic classifier, and how much of what has something may be lost.

    >>> from negatives.learn.rare.prescreen import Prescreen
    >>> Prescreen(max_lost=0.1)
    Prescreen(max_lost=0.1, confidence=0.95, ridge=1.0)
    """

    max_lost: float = 0.05
    confidence: float | None = 0.95
    ridge: float = 1.0
    """How strongly weights are held small."""

    def fit(self, parts: Parts) -> Screen:
        """Train on the part that learns, choose the threshold on `valid`; labels are bool.

        True: something is there. `DataError` where `valid` has too few of these for the promise.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        train = learning_part(parts, "a pre-screening classifier")
        if train.labels.dtype != np.bool_ or len(train.classes) < 2:
            raise InputError(
                "labels are not True and False", where="labels", fix="give bool labels, of both"
            )
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=1 / self.ridge, max_iter=1000)
        ).fit(train.vectors, train.labels)
        chosen = choose_threshold(
            parts.valid.labels,
            model.decision_function(parts.valid.vectors),
            max_fnr=self.max_lost,
            confidence=self.confidence,
        )
        return Screen(model, chosen)


@dataclass(frozen=True, slots=True)
class Screen:
    """A fitted classifier and its threshold: what the next model is asked about."""

    model: Any
    threshold: Threshold

    def score(self, vectors: Floats) -> Doubles:
        """float64[n]: logits of there being something."""
        return np.asarray(self.model.decision_function(vectors), np.float64)

    def passes(self, vectors: Floats) -> Bools:
        """bool[n]: whether an item goes on to the next model."""
        return self.score(vectors) >= self.threshold.value


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a model marks, on frames that have something and on those that have nothing."""

    frames: int
    empty: int
    dice: float
    """Mean over the frames that have something; NaN where none has. Nothing marked is 0."""
    missed: float
    """Share of the frames that have something in which nothing is marked."""
    marked_empty: float
    """Share of the empty frames in which something is marked; NaN where none is empty."""
    marked_in_empty: float
    """Share of the pixels of empty frames that is marked."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def overlap(truth: Bools, marked: Bools) -> Overlap:
    """Of masks bool[frames, ...]: Dice where there is something to find, and marks where not.

    >>> import numpy as np
    >>> truth = np.array([[1, 1, 0, 0], [0, 0, 0, 0]]) > 0
    >>> found = overlap(truth, np.array([[1, 0, 0, 0], [0, 1, 0, 0]]) > 0)
    >>> round(found.dice, 4), found.missed, found.marked_empty, found.marked_in_empty
    (0.6667, 0.0, 1.0, 0.25)
    """
    if truth.shape != marked.shape or truth.ndim < 2:
        raise InputError(
            f"masks of the shapes {truth.shape} and {marked.shape}", fix="give bool[frames, ...]"
        )
    truth, marked = (each.reshape(len(each), -1).astype(bool) for each in (truth, marked))
    there, said = truth.sum(1), marked.sum(1)
    has = there > 0
    dice = 2 * (truth & marked)[has].sum(1) / (there[has] + said[has])
    return Overlap(
        len(truth), int((~has).sum()), _mean(dice), _mean(said[has] == 0), _mean(said[~has] > 0),
        _mean(marked[~has]),
    )  # fmt: skip


def _mean(values: Any) -> float:
    return float(values.mean()) if values.size else float("nan")

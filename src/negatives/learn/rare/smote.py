"""SMOTE: further items of a rare class, on segments between those there are.

Chawla et al., JAIR 2002: s = x + u (x' - x), with x' one of the k nearest of the same class and u
uniform, one number for the whole segment. imbalanced-learn does it. It distorts probabilities (see
`prior_shift`), and a segment between two clusters may cross another class. The control that it must
beat is another threshold of a model that was trained without it (benchmark `imbalance`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from negatives.arrays import Bools, Floats
from negatives.chance import stream_key
from negatives.errors import InputError
from negatives.learn.rare.examples import Examples, Parts, learning_part
from negatives.optional import require
from negatives.stats.lengths import normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class Smote:
    """Items of every class until it has a share of those of the largest one.

    It takes `Parts`, and changes the one that learns alone; what is not split yet is refused.

    >>> import numpy as np
    >>> from negatives.learn.rare.examples import Examples, split
    >>> from negatives.learn.rare.smote import Smote
    >>> Smote().balanced(Examples(np.eye(2, dtype=np.float32), np.array([0, 1])))
    Traceback (most recent call last):
        ...
    negatives.errors.InputError: SMOTE is given items that were not split
      where: Examples
      fix:   parts = split(examples, seed=0); the test part cannot be oversampled then
    """

    neighbours: int = 5
    """Nearest items of the class, of which one is the other end; fewer where it has fewer."""
    share: float = 1.0
    """How many items a class is brought to, of those of the largest class."""
    unit_length: bool = False
    """Whether what is made is scaled to length 1, as vectors of most encoders have."""

    def __post_init__(self) -> None:
        if self.neighbours < 1 or not 0 < self.share <= 1:
            raise InputError(
                f"{self.neighbours} neighbours and a share of {self.share:g}",
                fix="one neighbour or more, a share above 0 to 1",
            )

    def balanced(self, parts: Parts, *, seed: int = 0) -> Parts:
        """The parts; further items, class by class, are the last ones of `train`.

        A class of one item is copied, since it has no segment.
        """
        train = learning_part(parts, "SMOTE")
        if train.made:
            raise InputError(
                f"{train.made:,} items were made before", fix="balance what was found, once"
            )
        target = math.ceil(self.share * max(train.counts.values()))
        vectors, labels = [train.vectors], [train.labels]
        for name, count in train.counts.items():
            if count < target:
                made = self._made(train.vectors, train.labels == name, target, seed, str(name))
                vectors.append(made)
                labels.append(np.full(len(made), name, train.labels.dtype))
        grown = Examples(
            np.concatenate(vectors), np.concatenate(labels), sum(map(len, vectors[1:]))
        )
        return replace(parts, train=grown)

    def _made(self, vectors: Floats, own: Bools, target: int, seed: int, name: str) -> Floats:
        library = require("imblearn.over_sampling", extra="imbalance")
        count = int(own.sum())
        settings = {
            "sampling_strategy": {True: target},
            "random_state": int(stream_key(seed, f"rare/smote/{name}") % np.uint64(2**32)),
        }
        if count == 1:
            sampler = library.RandomOverSampler(**settings)
        else:
            sampler = library.SMOTE(k_neighbors=min(self.neighbours, count - 1), **settings)
        # Where the class itself has most of the items, the others are only there to be others.
        made = np.asarray(sampler.fit_resample(vectors, own)[0][len(vectors) :], np.float32)
        return normalised(made) if self.unit_length else made


def prior_shift(before: float, after: float) -> float:
    """What is added to a logit of a model trained at a share `after`, where it is `before`.

    >>> round(prior_shift(0.1, 0.5), 6)
    -2.197225
    """
    for share in (before, after):
        if not 0 < share < 1:
            raise InputError(f"a share of {share:g}", fix="above 0, below 1")
    return math.log(before / (1 - before)) - math.log(after / (1 - after))

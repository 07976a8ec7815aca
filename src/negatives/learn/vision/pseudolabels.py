"""Labels that a model without any gives: the surest of each class, in rounds.

Menghini, Delworth and Bach 2023, "Enhancing CLIP with CLIP: Exploring Pseudolabeling for
Limited-Label Prompt Tuning". As many of each class are taken, so that classes that the model likes
take no more than others. Three ways: once (`few`, FPL), the same number again in every round
(`iterative`, IFPL), and more in every round until all are labelled (`growing`, GRIP). Reconstructed
from the abstract and its names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places
from negatives.errors import InputError

Learn = Callable[[Places, Places], NDArray[Any]]
"""Takes rows and the classes they are given; gives float[n, classes], the scores of all rows."""


def surest(scores: NDArray[Any], each: int) -> tuple[Places, Places]:
    """Rows and classes: the `each` rows with the highest score of each class; ties by row.

    A row that is among the surest of several classes is of the one it scores highest in.
    `InputError` where scores are not finite, or nothing is asked for.

    >>> import numpy as np
    >>> rows, classes = surest(np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]), 2)
    >>> rows.tolist(), classes.tolist()
    ([0, 1, 2, 3], [0, 0, 1, 1])
    """
    found = np.asarray(scores, np.float64)
    if found.ndim != 2 or not np.isfinite(found).all() or each < 1:
        raise InputError(
            f"{each} of scores of shape {found.shape}",
            where="scores",
            fix="give finite float[rows, classes], and take one or more of each class",
        )
    order = np.argsort(-found, axis=0, kind="stable")[:each]
    classes = np.tile(np.arange(found.shape[1]), (len(order), 1))
    rows, classes = order.ravel(), classes.ravel()
    by_row = np.lexsort((classes, -found[rows, classes], rows))
    rows, classes = rows[by_row], classes[by_row]
    once = np.concatenate([[True], rows[1:] != rows[:-1]])
    return rows[once], classes[once]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudolabels:
    """How many of each class are labelled in which round."""

    way: Literal["few", "iterative", "growing"] = "growing"
    each: int = 16
    """Of each class; of `growing`, in the end, all rows divided by the classes."""
    rounds: int = 5

    def counts(self, rows: int, classes: int) -> list[int]:
        """Of each class, round by round.

        >>> Pseudolabels(rounds=4).counts(rows=80, classes=2)
        [10, 20, 30, 40]
        """
        if self.way == "few":
            return [self.each]
        if self.way == "iterative":
            return [self.each] * self.rounds
        share = rows / classes / self.rounds
        return [max(1, round(share * (number + 1))) for number in range(self.rounds)]

    def run(self, scores: NDArray[Any], learn: Learn) -> Iterator[Doubles]:
        """float64[rows, classes] after each round, begun with scores that need no labels."""
        found = np.asarray(scores, np.float64)
        for each in self.counts(*found.shape):
            found = np.asarray(learn(*surest(found, each)), np.float64)
            yield found

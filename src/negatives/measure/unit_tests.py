"""Unit tests of whatever scores a bag of parts: does it learn what marks the negatives?

Raff and Holt 2023, "Reproducibility in Multiple Instance Learning: A Case For Algorithmic Unit
Tests". A document of several passages, a user of several items, a series of several steps is a bag:
positive if it holds what is asked for, whatever else it holds. A model that counts a part against a
bag has learned a mark of the negatives, which the task forbids. In three made sets such a mark is
there in training, and is on the other side at test: who goes by it ranks the test set upside down.
Nothing here learns: a scorer is fitted and asked by whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles, Places
from negatives.chance import stream_key
from negatives.errors import InputError
from negatives.measure.estimate import Estimate
from negatives.stats.auc import auc, auc_interval

Verdict = Literal["passes", "takes the bait", "loses what it learned", "learns nothing"]
SETS: Final = ("single concept", "two concepts", "false frequency")
"""The mark of the first two is a part of its own, that of the last how often a concept comes."""
POISON: Final = (-10.0, 0.1)
"""Mean and deviation of each number of a part that is the poison,"""
BACKGROUND: Final = (0.0, 1.0)
"""of a part that means nothing,"""
SINGLE: Final = ((0.0, 3.0), (1.0, 1.0))
"""of one that a single concept is drawn from, either alike often,"""
CONCEPTS: Final = ((2.0, 0.1), (3.0, 0.1))
"""and of the two concepts that a bag has to hold both of."""
_ONE_TO_THREE: Final = (1, 4)
_ONE_TO_NINE: Final = (1, 10)
_MANY: Final = (35, 45)
"""Parts of one concept in a negative bag of the last set at test."""


@dataclass(frozen=True)
class Bags:
    """Bags of parts, and which are positive.

    `parts`: float64[parts, dim], in an order that tells nothing; `owner`: int64[parts], ascending;
    `holds`: bool[parts, concepts]; `poison`: bool[parts]; `positive`: bool[bags].
    """

    parts: Doubles
    owner: Places
    holds: Bools
    poison: Bools
    positive: Bools

    @property
    def sizes(self) -> Places:
        """int64[bags]: how many parts each has."""
        return np.bincount(self.owner, minlength=len(self.positive))


Scorer = Callable[[Bags], NDArray[Any]]
"""Bags -> a number of each, higher of positive ones."""


@dataclass(frozen=True)
class Finding:
    """How well a scorer ranks the bags that it was fitted on, and those of the test.

    Both are AUROC with an interval over bags.
    """

    train: Estimate
    test: Estimate

    @property
    def verdict(self) -> Verdict:
        """By the intervals: what is not clearly learned, or clearly kept, is not said to be."""
        if (self.train.low or 0.0) <= 0.5:
            return "learns nothing"
        if (self.test.high or 1.0) < 0.5:
            return "takes the bait"
        return "passes" if (self.test.low or 0.0) > 0.5 else "loses what it learned"


def unit_test(
    fit: Callable[[Bags], Scorer], of: str, *, bags: int = 1000, dim: int = 2, seed: int = 0
) -> Finding:
    """Fit a scorer on the training bags of a set, and ask it about both sides.

    >>> import numpy as np
    >>> from negatives.measure.unit_tests import unit_test
    >>> def best(bags):  # of the first number of all parts the highest, with nothing to fit
    ...     return lambda asked: np.maximum.reduceat(
    ...         asked.parts[:, 0], np.searchsorted(asked.owner, np.arange(len(asked.positive))))
    >>> unit_test(best, "single concept").verdict
    'passes'
    """
    train, test = (made(of, bags=bags, dim=dim, seed=seed, test=side) for side in (False, True))
    scorer = fit(train)
    return Finding(*(_ranked(scorer(each), each) for each in (train, test)))


def made(of: str, *, bags: int = 1000, dim: int = 2, seed: int = 0, test: bool = False) -> Bags:
    """Training or test bags of one of `SETS`, every other one positive; the same for a seed."""
    if of not in SETS:
        raise InputError(
            f"there is no set {of!r}", where="of", fix=f"name one of {', '.join(SETS)}"
        )
    for name, value, least in (("bags", bags, 20), ("dim", dim, 1)):
        if value < least:
            raise InputError(f"{name} is {value:,}", where=name, fix=f"give {least} or more")
    key = stream_key(seed, f"unit-tests/{of}/{'test' if test else 'train'}")
    rng = np.random.Generator(np.random.PCG64(int(key)))
    positive = np.arange(bags) % 2 == 0
    each = [_BAGS[of](rng, bool(label), test, dim) for label in positive]
    parts, holds, poison = (np.concatenate(column) for column in zip(*each, strict=True))
    owner = np.repeat(np.arange(bags), [len(mine) for mine, _, _ in each])
    order = np.lexsort((rng.random(len(owner)), owner))
    return Bags(parts[order], owner, holds[order], poison[order], positive)


def _ranked(scores: NDArray[Any], bags: Bags) -> Estimate:
    ours, theirs = scores[bags.positive], scores[~bags.positive]
    low, high = auc_interval(ours, theirs)
    return Estimate(
        value=auc(ours, theirs), low=low, high=high, confidence=0.95,
        assumption="bags are drawn one by one",
    )  # fmt: skip


Bag = tuple[Doubles, Bools, Bools]
"""Of the parts of one bag: numbers, which concept each holds, and which is the poison."""
_Law = tuple[float, float]


def _bag(rng: Any, dim: int, concepts: int, given: list[tuple[_Law, int]]) -> Bag:
    """So many parts by each law; `concepts` of the laws, the first ones, are concepts."""
    laws = [law for law, count in given for _ in range(count)]
    which = np.repeat(np.arange(len(given)), [count for _, count in given])
    mean, spread = np.array(laws).T
    parts: Doubles = rng.normal(mean[:, None], spread[:, None], (len(laws), dim))
    poison = np.array([law == POISON for law in laws], bool)
    holds: Bools = np.equal.outer(which, np.arange(concepts))
    return parts, holds, poison


def _single(rng: Any, positive: bool, test: bool, dim: int) -> Bag:
    count = int(rng.integers(*_ONE_TO_THREE)) if positive else 0
    wide = int(rng.binomial(count, 0.5))
    parts, holds, poison = _bag(
        rng, dim, 2,
        [(SINGLE[0], wide), (SINGLE[1], count - wide), (BACKGROUND, 10),
         (POISON, int(positive == test))],
    )  # fmt: skip
    return parts, holds[:, :1] | holds[:, 1:], poison


def _two(rng: Any, positive: bool, test: bool, dim: int) -> Bag:
    return _bag(
        rng, dim, 2,
        [*zip(CONCEPTS, _both(rng) if positive else _either(rng, 1), strict=True),
         (BACKGROUND, int(rng.integers(*_ONE_TO_NINE))), (POISON, int(positive == test))],
    )  # fmt: skip


def _frequent(rng: Any, positive: bool, test: bool, dim: int) -> Bag:
    count = int(rng.integers(*_MANY)) if test else 1
    return _bag(
        rng, dim, 2,
        [*zip(CONCEPTS, _both(rng) if positive else _either(rng, count), strict=True),
         (BACKGROUND, 10)],
    )  # fmt: skip


def _both(rng: Any) -> tuple[int, int]:
    return int(rng.integers(*_ONE_TO_THREE)), int(rng.integers(*_ONE_TO_THREE))


def _either(rng: Any, count: int) -> tuple[int, int]:
    return (count, 0) if rng.random() < 0.5 else (0, count)


_BAGS: Final[dict[str, Callable[[Any, bool, bool, int], Bag]]] = dict(
    zip(SETS, (_single, _two, _frequent), strict=True)
)

"""Marks of the negatives that are on the other side at test tell who goes by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from negatives.errors import InputError
from negatives.measure.unit_tests import SETS, Bags, Scorer, made, unit_test
from tests.each import for_each

Pool = Callable[[Any], Any]


def scores(pool: Pool, bags: Bags) -> Any:
    """By the first number of each part."""
    each = np.split(bags.parts[:, 0], np.cumsum(bags.sizes)[:-1])
    return np.array([pool(mine) for mine in each])


def pooled(pool: Pool) -> Callable[[Bags], Scorer]:
    """Up or down, as training says: nothing else is fitted."""

    def fit(bags: Bags) -> Scorer:
        found = scores(pool, bags)
        sign = np.sign(found[bags.positive].mean() - found[~bags.positive].mean())
        return lambda asked: sign * scores(pool, asked)

    return fit


@pytest.mark.method("algorithmic-unit-tests")
def test_the_worked_bags_of_mean_and_max() -> None:
    negative, positive, poisoned = [-10, 0.1, -0.2], [3, 0.1, -0.2], [-10, 3, 0]
    clean = [0.1, -0.2, 0]
    bags = Bags(
        parts=np.array([*negative, *positive, *poisoned, *clean])[:, None],
        owner=np.repeat(np.arange(4), 3),
        holds=np.isin(np.arange(12), (3, 7))[:, None],
        poison=np.isin(np.arange(12), (0, 6)),
        positive=np.array([False, True, True, False]),
    )
    mean, high = (scores(pool, bags) for pool in (np.mean, np.max))
    assert mean == pytest.approx([-3.367, 0.967, -2.333, -0.033], abs=5e-4)
    assert mean[1] > mean[0]  # training is told apart,
    assert mean[2] < mean[3]  # and the poisoned positive is below a clean negative
    assert high == pytest.approx([0.1, 3, 3, 0.1])


@pytest.mark.method("algorithmic-unit-tests")
def test_the_mean_takes_the_bait_and_the_highest_does_not() -> None:
    for seed in range(5):
        mean = unit_test(pooled(np.mean), "single concept", seed=seed)
        assert mean.verdict == "takes the bait"
        assert (mean.train.value or 0) > 0.9
        assert (mean.test.value or 1) < 0.1
        assert unit_test(pooled(np.max), "single concept", seed=seed).verdict == "passes"
        assert unit_test(pooled(np.mean), "two concepts", seed=seed).verdict == "takes the bait"
        assert unit_test(pooled(np.sum), "false frequency", seed=seed).verdict == "takes the bait"
        nothing = unit_test(lambda _: lambda bags: np.zeros(len(bags.positive)), "two concepts")
        assert nothing.verdict == "learns nothing"


@pytest.mark.method("algorithmic-unit-tests")
@for_each("of", SETS)
def test_a_bag_is_positive_if_it_holds_every_concept(of: str) -> None:
    for test in (False, True):
        bags = made(of, bags=200, seed=3, test=test)
        assert bags.positive.mean() == 0.5
        held = np.array([bags.holds[bags.owner == n].any(axis=0).all() for n in range(200)])
        np.testing.assert_array_equal(held, bags.positive)
        assert bags.holds.shape[1] == (1 if of == "single concept" else 2)


@pytest.mark.method("algorithmic-unit-tests")
def test_the_poison_is_in_every_negative_of_training_and_in_every_positive_of_the_test() -> None:
    for of in SETS[:2]:
        for test in (False, True):
            bags = made(of, bags=200, test=test)
            poisoned = np.bincount(bags.owner, bags.poison, 200)
            np.testing.assert_array_equal(poisoned, bags.positive == test)
            assert bags.parts[bags.poison].max() < -9 < bags.parts[~bags.poison].min() + 5


@pytest.mark.method("algorithmic-unit-tests")
def test_false_frequency_has_one_part_of_a_concept_and_dozens_at_test() -> None:
    for test, low, high in ((False, 1, 1), (True, 35, 44)):
        bags = made("false frequency", bags=400, test=test)
        assert not bags.poison.any()
        counts = np.stack([np.bincount(bags.owner, held, 400) for held in bags.holds.T], axis=1)
        negative = np.sort(counts[~bags.positive], axis=1)
        assert (negative[:, 0].max(), negative[:, 1].min(), negative[:, 1].max()) == (0, low, high)
        # either concept, and not the first alone
        assert (counts[~bags.positive] > 0).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.1)
        assert {*counts[bags.positive].ravel()} == {1, 2, 3}


def test_a_seed_gives_the_same_bags_and_another_others() -> None:
    for of in SETS:
        first, again, other = (made(of, bags=20, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first.parts, again.parts)
        np.testing.assert_array_equal(first.owner, again.owner)
        assert first.parts.tobytes() != other.parts.tobytes()


def test_what_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"(?s)no set 'poison'.*name one of single concept, two"):
        made("poison")
    with pytest.raises(InputError, match=r"(?s)bags is 3.*give 20 or more"):
        made("two concepts", bags=3)

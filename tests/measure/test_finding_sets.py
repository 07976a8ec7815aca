"""Sets of queries that find the items of a category: their value, and how they are chosen."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles
from negatives.measure.finding_sets import Candidates, average_precisions

SEEDS = st.integers(0, 10_000)


def naive(scores: list[float], relevant: list[bool]) -> float:
    """Average precision by definition; of equal scores the relevant come last."""
    ranked = sorted(zip(scores, relevant, strict=True), key=lambda pair: (-pair[0], pair[1]))
    found, total = 0, 0.0
    for rank, (_, is_relevant) in enumerate(ranked, start=1):
        if is_relevant:
            found += 1
            total += found / rank
    return total / found


@given(SEEDS)
def test_average_precision_is_what_its_definition_says(seed: int) -> None:
    chance = np.random.default_rng(seed)
    items = int(chance.integers(1, 12))
    scores = chance.integers(-3, 4, (3, items)) / 2  # many of them equal
    relevant = chance.random(items) < 0.4
    relevant[chance.integers(items)] = True
    right = [naive(row.tolist(), relevant.tolist()) for row in scores]
    np.testing.assert_allclose(average_precisions(scores, relevant), right, rtol=1e-12)


def candidates(seed: int) -> Candidates:
    chance = np.random.default_rng(seed)
    count, items = int(chance.integers(2, 9)), int(chance.integers(3, 20))
    relevant = chance.random(items) < 0.4
    relevant[0] = True
    own = np.zeros((count, items), bool)
    own[np.arange(min(count, items)), np.arange(min(count, items))] = True
    return Candidates(
        likeness=(chance.integers(-4, 5, (count, items)) / 4).astype(np.float32),
        own=own,
        relevant=relevant,
        kind=chance.integers(0, 2, count),
        most=(2, 3),
    )


def naive_value(given: Candidates, members: list[int]) -> float:
    """The same in loops: an item's score is the mean of what members other than itself say."""
    scores = []
    for item in range(given.likeness.shape[1]):
        says = [float(given.likeness[each, item]) for each in members if not given.own[each, item]]
        scores.append(sum(says) / len(says) if says else -np.inf)
    return naive([float(np.float32(each)) for each in scores], given.relevant.tolist())


@given(SEEDS)
def test_each_member_is_the_one_that_raises_the_value_most(seed: int) -> None:
    given_ = candidates(seed)
    members, values = given_.greedy(first=0)
    for turn, (member, value) in enumerate(zip(members, values, strict=True)):
        before = members[:turn]
        free = [
            each
            for each in range(len(given_.kind))
            if each not in before
            and sum(given_.kind[one] == given_.kind[each] for one in before)
            < given_.most[given_.kind[each]]
        ]
        if not before and (given_.kind == 0).any():
            free = [each for each in free if given_.kind[each] == 0]
        reached = [naive_value(given_, [*before, each]) for each in free]
        assert reached[free.index(member)] > max(reached) - 1e-12
        for other in (max(reached), given_.value([*before, member])):
            assert abs(value - other) < 1e-12


@given(SEEDS)
def test_a_set_is_never_worth_less_than_its_first_member(seed: int) -> None:
    given_ = candidates(seed)
    members, values = given_.greedy()
    assert values == sorted(set(values))  # each adds something
    assert len({*members}) == len(members)
    assert all((given_.kind[members] == kind).sum() <= given_.most[kind] for kind in (0, 1))


def test_an_example_does_not_find_itself() -> None:
    """The first is like nothing but itself: whatever is found by it would be itself."""
    likeness = np.array([[1.0, 0, 0, 0.5], [0.1, 1.0, 0.9, 0]], np.float32)
    own = np.array([[1, 0, 0, 0], [0, 1, 0, 0]]) > 0
    given_ = Candidates(likeness, own, np.array([1, 1, 1, 0]) > 0, np.array([0, 0]), (2,))
    assert given_.value([0]) < given_.value([1])
    assert given_.greedy()[0][0] == 1


def test_of_equal_scores_the_others_come_first() -> None:
    equal: Doubles = np.zeros((1, 4))
    assert average_precisions(equal, np.array([1, 0, 0, 0]) > 0)[0] == 1 / 4

"""Thresholds by what may be missed, and risk by coverage: naive loops, and promises kept."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Bools, Doubles
from negatives.errors import DataError, InputError
from negatives.measure.risk_coverage import risk_coverage
from negatives.measure.thresholds import choose_threshold, class_thresholds, needed, rates
from negatives.stats.bounds import upper_bound

GRID = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
EXAMPLES = st.lists(st.tuples(st.booleans(), GRID), min_size=1, max_size=30)


def split(examples: list[tuple[bool, float]]) -> tuple[Bools, Doubles]:
    return np.array([y for y, _ in examples]), np.array([s for _, s in examples])


@given(EXAMPLES, st.sampled_from([0.0, 0.1, 0.25, 0.5]))
def test_of_the_examples_alone_it_is_the_largest_score_that_misses_no_more(
    examples: list[tuple[bool, float]], max_fnr: float
) -> None:
    relevant, scores = split(examples)
    if not relevant.any():
        with pytest.raises(DataError, match="0 relevant examples are too few"):
            choose_threshold(relevant, scores, max_fnr=max_fnr, confidence=None)
        return
    ours = [s for y, s in examples if y]
    naive = max(t for t in ours if sum(s < t for s in ours) <= max_fnr * len(ours))
    found = choose_threshold(relevant, scores, max_fnr=max_fnr, confidence=None)
    assert found.value == naive
    theirs = [s for y, s in examples if not y]
    assert found.missed == sum(s < naive for s in ours)
    if theirs:
        assert found.fpr == sum(s >= naive for s in theirs) / len(theirs)
        assert rates(relevant, scores, naive) == (found.fnr, found.fpr)


@given(st.integers(1, 150), st.sampled_from([0.05, 0.1, 0.3]), st.sampled_from([0.8, 0.95]))
def test_with_confidence_it_is_the_last_score_whose_exact_bound_is_within_the_share(
    count: int, max_fnr: float, confidence: float
) -> None:
    scores = np.arange(count + 1.0)
    relevant = scores > 0  # 1 to count; 0 is the only other one
    allowed = [m for m in range(count) if upper_bound(m, count, confidence) <= max_fnr]
    if not allowed:
        assert count < needed(max_fnr, confidence)
        with pytest.raises(DataError, match="too few"):
            choose_threshold(relevant, scores, max_fnr=max_fnr, confidence=confidence)
        return
    assert count >= needed(max_fnr, confidence)
    found = choose_threshold(relevant, scores, max_fnr=max_fnr, confidence=confidence)
    assert (found.value, found.missed) == (max(allowed) + 1.0, max(allowed))
    assert found.bound is not None
    assert found.bound <= max_fnr


def test_a_lower_threshold_misses_no_more() -> None:
    chance = np.random.default_rng(0)
    relevant, scores = chance.random(200) < 0.3, chance.normal(size=200)
    missed = [rates(relevant, scores, t)[0] for t in np.linspace(3, -3, 40)]
    assert missed == sorted(missed, reverse=True)


def test_59_relevant_examples_and_not_58_promise_a_twentieth() -> None:
    for count, enough in ((58, False), (59, True)):
        relevant = np.ones(count, bool)
        if enough:
            assert choose_threshold(relevant, np.arange(count), max_fnr=0.05).missed == 0
        else:
            with pytest.raises(DataError) as error:
                choose_threshold(relevant, np.arange(count), max_fnr=0.05)
            assert "58 relevant examples are too few" in str(error.value)
            assert "give 59 or more" in str(error.value)


def test_further_examples_are_missed_no_more_than_promised_as_often_as_promised() -> None:
    chance = np.random.default_rng(3)
    promised, alone = [], []
    for _ in range(400):
        scores, relevant = chance.random(100), np.ones(100, bool)
        # Scores are uniform, so that the share of further ones below a threshold is itself.
        promised.append(choose_threshold(relevant, scores, max_fnr=0.1).value <= 0.1)
        alone.append(choose_threshold(relevant, scores, max_fnr=0.1, confidence=None).value <= 0.1)
    assert np.mean(promised) >= 0.93
    assert np.mean(alone) < 0.6  # the control: without a confidence every second one is broken


@pytest.mark.slow
def test_examples_of_a_group_that_are_alike_need_their_groups_for_the_promise() -> None:
    chance = np.random.default_rng(4)
    held: dict[bool, list[bool]] = {True: [], False: []}
    queries, each = 80, 10
    names = np.repeat(np.arange(queries), each)
    for _ in range(150):
        # All of a query move together by more than they differ among themselves.
        level = np.repeat(chance.normal(size=queries), each)
        scores = level + 0.3 * chance.normal(size=queries * each)
        relevant = np.ones(len(scores), bool)
        for grouped in held:
            found = choose_threshold(
                relevant, scores, max_fnr=0.1, groups=names if grouped else None
            )
            fresh = chance.normal(size=20_000) * np.sqrt(1.09)
            held[grouped].append(bool((fresh < found.value).mean() <= 0.1))
    assert np.mean(held[True]) >= 0.92
    assert np.mean(held[False]) < 0.85


def test_each_class_has_its_own_share_and_those_with_too_few_are_named() -> None:
    chance = np.random.default_rng(5)
    labels = np.repeat(np.array(["common", "rare", "rarer"]), [300, 60, 4])
    scores = chance.random((364, 3))
    with pytest.raises(DataError, match="rarer: 4 relevant examples are too few"):
        class_thresholds(labels, scores, max_fnr=0.1)
    shares = {"common": 0.5, "rare": 0.1, "rarer": 0.1}
    found = class_thresholds(labels, scores, max_fnr=shares, confidence=None)
    assert {name: round(each.fnr, 2) for name, each in found.items()} == {
        "common": 0.5, "rare": 0.1, "rarer": 0.0
    }  # fmt: skip
    with pytest.raises(InputError, match=r"no share of false negatives is said for \['rarer'\]"):
        class_thresholds(labels, scores, max_fnr={"common": 0.1, "rare": 0.1})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_fnr": 1.0}, "a share of 1"),
        ({"confidence": 1.0}, "a confidence of 1"),
        ({"scores": np.array([1.0, np.nan])}, "no finite numbers"),
        ({"scores": np.array([1.0])}, "of 1 scores"),
        ({"groups": ["a"]}, "1 groups for 2 examples"),
    ],
)
def test_what_cannot_be_read_is_refused(changes: dict[str, object], message: str) -> None:
    given: dict[str, object] = {
        "relevant": np.array([True, False]), "scores": np.array([1.0, 0.0]), "max_fnr": 0.1
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        choose_threshold(**(given | changes))  # type: ignore[arg-type]


# ---- risk by coverage ----------------------------------------------------------------------------


@given(st.lists(st.tuples(GRID, st.booleans()), min_size=1, max_size=6))
def test_the_curve_is_the_mean_over_all_orders_of_ties(
    examples: list[tuple[float, bool]],
) -> None:

    sure = np.array([c for c, _ in examples])
    lost = np.array([float(wrong) for _, wrong in examples])
    orders = [
        order
        for order in permutations(range(len(sure)))
        if all(sure[a] >= sure[b] for a, b in pairwise(order))
    ]
    naive = np.mean(
        [[lost[list(order[: i + 1])].mean() for i in range(len(sure))] for order in orders], axis=0
    )
    found = risk_coverage(sure, lost)
    assert found.risk == pytest.approx(naive)
    assert found.aurc == pytest.approx(naive.mean())
    assert found.excess >= -1e-12


def test_a_confidence_that_tells_nothing_has_the_mean_loss_everywhere() -> None:
    found = risk_coverage(np.zeros(4), np.array([1, 0, 0, 1]))
    assert found.risk.tolist() == [0.5] * 4
    assert found.coverage_at(0.5) == 1.0
    assert found.coverage_at(0.4) == 0.0


def test_nothing_and_what_is_not_known_are_refused() -> None:
    for sure, lost in ((np.zeros(0), np.zeros(0)), (np.array([np.nan]), np.zeros(1))):
        with pytest.raises(DataError, match="no example, or one whose"):
            risk_coverage(sure, lost)

"""Cutting steps into intervals, against every possible cut; gradients without their conflicts."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import DataError
from negatives.guide import cut, reconciled, spread, strangeness
from negatives.guide.intervals import Cost


def price(starts: list[int], steps: int, cost: Cost) -> float:
    """What a cut costs."""
    return sum(cost(first, after - 1) for first, after in pairwise([*starts, steps]))


@pytest.mark.method("interval-clustering")
def test_the_worked_numbers() -> None:
    perfect = spread([0, 0, 0, 5, 5, 9, 9, 9])
    assert cut(8, 3, perfect) == [0, 3, 5]
    assert price([0, 3, 5], 8, perfect) == 0
    two = spread([0, 1, 2, 10, 11])
    assert cut(5, 2, two) == [0, 3]
    assert price([0, 3], 5, two) == 3


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(1, 8), st.booleans())
def test_no_cut_is_cheaper(values: list[int], intervals: int, by_affinity: bool) -> None:
    steps, intervals = len(values), min(intervals, len(values))
    affinity = np.cos(np.subtract.outer(values, values))
    cost = strangeness(affinity) if by_affinity else spread(values)
    starts = cut(steps, intervals, cost)
    assert starts[0] == 0
    assert sorted(set(starts)) == starts
    assert len(starts) == intervals
    cheapest = min(
        price([0, *rest], steps, cost) for rest in combinations(range(1, steps), intervals - 1)
    )
    assert price(starts, steps, cost) == pytest.approx(cheapest)
    if by_affinity:
        for first, last in combinations(range(steps), 2):
            inside = affinity[first : last + 1, first : last + 1]
            assert cost(first, last) == pytest.approx((1 - inside.mean(1)).sum(), abs=1e-6)


@given(st.integers(0, 99))
def test_gradients_that_agree_stay_and_two_that_do_not_stop_pulling(seed: int) -> None:
    random = np.random.default_rng(seed)
    agreeing = np.abs(random.normal(size=(3, 4)))
    assert reconciled(agreeing) == pytest.approx(agreeing)
    one, two = pair = random.normal(size=(2, 4))
    made = reconciled(pair, seed=seed)
    if one @ two < 0:
        assert made[0] @ two == pytest.approx(0, abs=1e-9)
        assert made[1] @ one == pytest.approx(0, abs=1e-9)
    else:
        assert made == pytest.approx(pair)


def test_nonsense_is_refused() -> None:
    with pytest.raises(DataError, match="4 intervals of 3 steps"):
        cut(3, 4, spread([1, 2, 3]))
    with pytest.raises(DataError, match="no finite number"):
        spread([1, float("inf")])
    with pytest.raises(DataError, match="affinity of shape"):
        strangeness(np.ones((2, 3)))

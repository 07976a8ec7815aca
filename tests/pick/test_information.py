"""Selection by information gain: the worked numbers, a naive loop, and the picker."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles
from negatives.pick.mig import InformationGain
from negatives.stats.greedy import lazy_greedy
from negatives.stats.information import Gain, Information, gains, spread
from tests.pick.rows import rows

A, B = [1.0, 0.0], [0.0, 1.0]


def most_informative(
    items: Doubles, count: int, *, power: float, offset: float, gain: Gain
) -> list[int]:
    worth = Information(items.__getitem__, items.shape[1], power=power, offset=offset, gain=gain)
    return [int(row) for row in lazy_greedy(worth, np.arange(len(items)), count)]


@pytest.mark.recipe("mig")
def test_of_two_alike_and_one_other_the_other_is_second() -> None:
    items = np.array([A, A, B])
    order = most_informative(items, 3, power=0.8, offset=1e-6, gain="slope")
    assert order == [0, 2, 1]
    have, told = np.zeros(2), []
    for item in order:
        told.append(gains(have, items[item], power=0.8, offset=1e-6, gain="slope"))
        have = have + items[item]
    assert told == pytest.approx([12.679146, 12.679146, 0.8], abs=1e-5)


def test_likeness_is_passed_on_and_below_the_threshold_it_is_not() -> None:
    like = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert spread(like, threshold=0.5) == pytest.approx(np.array([[2, 1], [1, 2]]) / 3)
    for nothing in (spread(like), spread(like, threshold=0.5, share=0.0)):
        assert (nothing == np.eye(2)).all()


def naive(items: Doubles, count: int, power: float, offset: float) -> list[int]:
    have, chosen = [0.0] * items.shape[1], list[int]()
    while len(chosen) < min(count, len(items)):
        best, most = -1, -np.inf
        for i in range(len(items)):
            gain = 0.0
            for tag in range(items.shape[1]):
                before = (have[tag] + offset) ** power
                gain += (have[tag] + items[i, tag] + offset) ** power - before
            if i not in chosen and gain > most + 1e-12:
                best, most = i, gain
        chosen.append(best)
        have = [there + more for there, more in zip(have, items[best], strict=True)]
    return chosen


small = st.integers(0, 4).map(lambda n: n / 4)


@given(st.lists(st.lists(small, min_size=3, max_size=3), min_size=1, max_size=7), st.integers(1, 5))
def test_it_is_the_naive_loop(values: list[list[float]], count: int) -> None:
    items = np.array(values)
    own = most_informative(items, count, power=0.5, offset=0.01, gain="exact")
    sums = items[own].cumsum(0)
    expected = items[naive(items, count, 0.5, 0.01)].cumsum(0)
    worth = [((each + 0.01) ** 0.5).sum() for each in sums]
    assert worth == pytest.approx([((each + 0.01) ** 0.5).sum() for each in expected])
    assert (np.diff(worth, n=2) <= 1e-9).all(), "each adds less than the one before"


def test_without_diminishing_returns_the_total_alone_counts() -> None:
    items = np.array([[0.1, 0.2], [0.9, 0.0], [0.3, 0.3]])
    assert most_informative(items, 3, power=1.0, offset=0.01, gain="exact") == [1, 2, 0]


def test_a_picker_mixes_levels_and_sources_and_leaves_out_the_probably_relevant() -> None:
    ledger = rows(
        *[("q", f"a{n}", 0.4, n + 1, None, 1.0) for n in range(4)],
        ("q", "b", -1.4, None, 1, 1.0),
        ("q", "c", None, None, None, None),
    )
    two = InformationGain(per_query=2, power=0.3).pick(ledger, 0)
    assert two["doc_id"].to_list() == ["a0", "b"]
    every = InformationGain(per_query=9).pick(ledger.reverse(), 0)
    assert every["doc_id"].to_list()[-1] == "c", "without a tag it is last, and still there"
    assert len(every) == 6
    likely = ledger.with_columns(
        p_relevant=pl.when(pl.col("doc_id") == "a0").then(0.99).otherwise(0.01)
    )
    assert InformationGain(per_query=1).pick(likely, 0)["doc_id"].to_list() == ["a1"]
    assert InformationGain().pick(ledger.clear(), 0).is_empty()

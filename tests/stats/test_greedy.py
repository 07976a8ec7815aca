"""Greedy choice of a subset: lazily the same as asking all, and asking few."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles, Places
from negatives.stats.greedy import (
    Drawn,
    Farthest,
    Fixed,
    InTurn,
    Objective,
    greedy_of_offers,
    lazy_greedy,
)
from negatives.stats.information import Information


class Counted:
    """An objective that counts what it is asked."""

    def __init__(self, inner: Objective) -> None:
        self.inner, self.asked = inner, 0

    def gains(self, rows: Places) -> Doubles:
        self.asked += len(rows)
        return self.inner.gains(rows)

    def add(self, row: int) -> None:
        self.inner.add(row)


def asking_all(objective: Objective, rows: Places, count: int) -> list[int]:
    left, chosen = rows.tolist(), list[int]()
    while left and len(chosen) < count:
        told = [float(objective.gains(np.array([row], np.int64))[0]) for row in left]
        chosen.append(left.pop(told.index(max(told))))
        objective.add(chosen[-1])
    return chosen


def information(items: Doubles) -> Information:
    return Information(items.__getitem__, items.shape[1], power=0.5, offset=0.01, gain="exact")


@given(st.integers(0, 2**20), st.integers(1, 40), st.integers(1, 45))
def test_lazily_it_is_what_asking_all_rows_at_every_turn_gives(
    seed: int, rows: int, count: int
) -> None:
    items = np.random.default_rng(seed).integers(0, 3, (rows, 4)).astype(np.float64)
    shuffled = np.random.default_rng(seed).permutation(rows)
    for make in (information, lambda each: Farthest(each), lambda each: Fixed(each.sum(1))):
        lazy = lazy_greedy(make(items), shuffled, count).tolist()
        assert lazy == asking_all(make(items), shuffled, count)


def test_it_asks_about_few_of_the_rows() -> None:
    items = np.random.default_rng(0).random((3000, 12))
    counted = Counted(information(items))
    lazy_greedy(counted, np.arange(3000), 200)
    assert counted.asked < 3000 + 200 * 3000 / 4


def test_of_equals_the_first_in_the_order_that_is_given_is_chosen() -> None:
    flat = Fixed(np.ones(5))
    assert lazy_greedy(flat, np.array([3, 1, 4, 0, 2]), 3).tolist() == [3, 1, 4]
    assert lazy_greedy(flat, np.arange(0), 3).tolist() == []


def test_every_row_is_offered_once_before_any_is_offered_twice() -> None:
    queue = InTurn(np.arange(7), 3)
    worth = Fixed(np.array([0.0, 9, 1, 2, 3, 8, 4]))
    made = greedy_of_offers(worth, queue, 7).tolist()
    # 0 1 2 -> 1; 3 4 5 -> 5; then 6 and those that went back: 6 0 2 -> 6; 3 4 0 -> 4; ...
    assert made[:4] == [1, 5, 6, 4]
    assert sorted(made) == list(range(7))


def test_with_one_option_a_draw_and_with_all_of_them_the_best() -> None:
    values = np.random.default_rng(1).random(9)
    numbers = np.random.default_rng(2).random(9)
    one = greedy_of_offers(Fixed(values), Drawn(np.arange(9), lambda turn: numbers, 1), 4)
    assert one.tolist() == np.argsort(numbers)[:4].tolist()
    every = greedy_of_offers(Fixed(values), Drawn(np.arange(9), lambda turn: numbers, 9), 4)
    assert every.tolist() == np.argsort(-values)[:4].tolist()

"""Conflict-free batches: never a conflict, never a row lost, the same with and without numba."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.batch.conflict_free import ConflictFree
from negatives.batch.conflicts import Conflicts
from negatives.batch.examples import Examples
from negatives.batch.packing import packed
from negatives.compiling import Engine
from negatives.errors import RecipeError
from tests.batch.made import any_examples, conflict, examples, flat, in_conflict

compiled = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="numba is not installed"
)


@pytest.mark.slow
@given(any_examples(), st.integers(1, 12), st.integers(0, 3))
def test_no_batch_holds_a_conflict_and_every_row_comes_once(
    made: Examples, size: int, seed: int
) -> None:
    batches = list(ConflictFree().open(made, size, seed).epoch(0))
    assert in_conflict(made, batches) == 0
    assert sorted(flat(batches).tolist()) == list(range(len(made)))
    assert all(0 < len(batch) <= size for batch in batches)


@given(any_examples(), st.randoms(use_true_random=False))
def test_a_row_clashes_if_it_conflicts_with_an_earlier_one_of_its_batch(
    made: Examples, random: object
) -> None:
    rows = np.random.default_rng(len(made)).permutation(len(made))
    batch = np.arange(len(rows)) // 5
    found = Conflicts.of(made, "numpy").clashing(rows, batch)
    for place, row in enumerate(rows):
        before = [r for r, b in zip(rows[:place], batch[:place], strict=True) if b == batch[place]]
        assert found[place] == any(conflict(made, int(row), int(other)) for other in before)


@pytest.mark.slow
@compiled
@given(any_examples(), st.integers(1, 12))
def test_numba_and_numpy_give_the_same_bytes(made: Examples, size: int) -> None:
    engines: tuple[Engine, Engine] = ("numba", "numpy")
    orders = [packed(Conflicts.of(made, engine), size, 1, "same") for engine in engines]
    assert orders[0].rows.tobytes() == orders[1].rows.tobytes()
    assert orders[0].ends.tobytes() == orders[1].ends.tobytes()


@compiled
def test_numba_and_numpy_give_the_same_bytes_where_much_is_tried_again() -> None:
    rng = np.random.default_rng(3)
    docs = rng.integers(0, 60, (2000, 3))
    made = examples(rng.integers(0, 900, 2000).tolist(), docs.tolist())
    orders = [packed(Conflicts.of(made, engine), 16, 1, "same") for engine in ("numba", "numpy")]
    assert orders[0].rows.tobytes() == orders[1].rows.tobytes()
    assert orders[0].ends.tobytes() == orders[1].ends.tobytes()


def test_rows_of_one_query_never_share_a_batch() -> None:
    made = examples([5] * 4, [[0], [1], [2], [3]])
    assert [len(batch) for batch in ConflictFree().open(made, 4).epoch(0)] == [1, 1, 1, 1]


def test_rows_of_one_positive_never_share_a_batch() -> None:
    made = examples([0, 1, 2, 3], [[7]] * 4)
    assert [len(batch) for batch in ConflictFree().open(made, 4).epoch(0)] == [1, 1, 1, 1]


def test_a_negative_that_is_the_positive_of_another_row_keeps_the_two_apart() -> None:
    made = examples([0, 1], [[0, 9], [1, 0]])
    assert [len(batch) for batch in ConflictFree().open(made, 2).epoch(0)] == [1, 1]


def test_a_document_relevant_by_qrels_that_nobody_trains_with_keeps_rows_apart() -> None:
    apart = examples([0, 1], [[0, 5], [1, 6]], known=[(1, 5)])
    free = examples([0, 1], [[0, 5], [1, 6]], known=[(2, 5)])
    assert [len(batch) for batch in ConflictFree().open(apart, 2).epoch(0)] == [1, 1]
    assert [len(batch) for batch in ConflictFree().open(free, 2).epoch(0)] == [2]


def test_one_negative_in_two_rows_is_no_conflict() -> None:
    made = examples([0, 1], [[0, 5], [1, 5]])
    assert [len(batch) for batch in ConflictFree().open(made, 2).epoch(0)] == [2]


def test_a_row_whose_own_negative_is_relevant_conflicts_with_no_other_for_it() -> None:
    made = examples([0, 1], [[0, 3], [1, 2]], known=[(0, 3)])
    assert [len(batch) for batch in ConflictFree().open(made, 2).epoch(0)] == [2]


def test_without_conflicts_only_one_batch_is_not_full() -> None:
    made = examples(list(range(130)), [[row] for row in range(130)])
    sizes = sorted(len(batch) for batch in ConflictFree().open(made, 64).epoch(0))
    assert sizes == [2, 64, 64]


def test_a_positive_of_two_rows_in_five_makes_as_many_batches_as_it_has_rows() -> None:
    rows = 5000
    positive = [0 if row % 5 < 2 else row for row in range(rows)]
    made = examples(list(range(rows)), [[doc] for doc in positive])
    opened = ConflictFree().open(made, 64)
    batches = list(opened.epoch(0))
    assert len(batches) == 2000
    told = opened.told()
    assert told["conflict_rate"] == 0
    assert told["examples"] == rows
    assert told["largest"] > 30
    assert told["smallest"] == 1


def test_ten_positives_of_all_rows_make_batches_of_ten() -> None:
    rows = 6400
    made = examples(list(range(rows)), [[row % 10] for row in range(rows)])
    batches = list(ConflictFree().open(made, 64).epoch(0))
    assert max(len(batch) for batch in batches) == 10
    assert len(batches) < 1.1 * rows / 10


def test_where_everything_is_relevant_to_everybody_every_row_stands_alone() -> None:
    everything = [(query, doc) for query in range(60) for doc in range(60)]
    made = examples(list(range(60)), [[row] for row in range(60)], everything)
    assert [len(batch) for batch in ConflictFree().open(made, 8).epoch(0)] == [1] * 60


def test_batches_of_less_than_one_row_are_refused() -> None:
    with pytest.raises(RecipeError, match="a batch of 0 examples"):
        ConflictFree().open(examples([0], [[0]]), 0)

"""Known positives: asked about exactly, whatever their number, order or repeats."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import DataError, InputError
from negatives.sample import Exclusion
from tests.build import collection
from tests.sample.worlds import exclusion

# Of 2,000 documents a query with 5 positives has a filter, one with 200 a bitmap.
worlds = st.tuples(
    st.sampled_from([1, 7, 40, 2_000]),
    st.lists(st.sampled_from([0, 1, 5, 60, 200, 2_000]), min_size=1, max_size=4),
    st.integers(0, 99),
)


@pytest.mark.slow
@given(worlds)
def test_contains_says_what_a_set_says(world: tuple[int, list[int], int]) -> None:
    docs, sizes, seed = world
    rng = np.random.default_rng(seed)
    pairs = {
        (query, doc)
        for query, size in enumerate(sizes)
        for doc in rng.choice(docs, min(size, docs), replace=False).tolist()
    }
    known = exclusion(pairs, len(sizes), docs)
    answers = known.contains(np.arange(len(sizes))[:, None], np.arange(docs))
    expected = [[(q, d) in pairs for d in range(docs)] for q in range(len(sizes))]
    assert answers.tolist() == expected
    assert known.sizes.tolist() == [min(size, docs) for size in sizes]
    assert known.counts().sum() == len(pairs)


def test_few_positives_get_a_filter_and_many_a_bitmap() -> None:
    known = exclusion([(0, 5)] + [(1, doc) for doc in range(200)], 2, 2_000)
    assert known.shifts[0] > 0
    assert known.shifts[1] == 0
    assert len(known.bits) == 2 + 250  # bytes: 16 bits of filter; 2,000 of bitmap


def test_order_and_repeats_of_pairs_do_not_matter() -> None:
    pairs = [(2, 3), (0, 9), (2, 1), (0, 9), (1, 4)]
    once, sorted_ = exclusion(pairs, 3, 10), exclusion(sorted(set(pairs)), 3, 10)
    assert np.array_equal(once.members, sorted_.members)
    assert np.array_equal(once.bits, sorted_.bits)
    assert once.sizes.tolist() == [1, 1, 2]


def test_one_pair_can_be_asked_about() -> None:
    known = exclusion([(1, 4)], 2, 5)
    assert bool(known.contains(1, 4)) is True
    assert bool(known.contains(0, 4)) is False


def test_nothing_known_excludes_nothing() -> None:
    known = exclusion([], 3, 5)
    assert not known.contains(np.arange(3)[:, None], np.arange(5)).any()


def test_a_collection_gives_its_positives_and_a_ledger_its_duplicates_too() -> None:
    data = collection(
        {"d1": "a", "d2": "b", "d3": "c", "d4": "d"},
        {"q1": "x", "q2": "y"},
        [("q1", "d1", 1), ("q2", "d4", 2), ("q2", "d1", 0)],
    )
    ledger = pl.DataFrame(
        {
            "query_id": ["q1", "q1", "q1", "q2"],
            "doc_id": ["d1", "d2", "d3", "gen:1"],
            "verdict": ["positive", "duplicate", "rejected", "duplicate"],
        }
    )

    def pairs(known: Exclusion) -> list[list[int]]:
        return np.argwhere(known.contains([[0], [1]], np.arange(4))).tolist()

    assert pairs(Exclusion.from_collection(data)) == [[0, 0], [1, 3]]
    assert pairs(Exclusion.from_ledger(ledger, data)) == [[0, 0], [0, 1], [1, 3]]
    assert pairs(Exclusion.from_ledger(ledger.lazy(), data)) == [[0, 0], [0, 1], [1, 3]]


@pytest.mark.parametrize(
    ("query", "doc", "message"),
    [
        ([0, 3], [1, 1], r"no such query row: \[3\]\n.*rows are 0 to 2"),
        ([-1], [1], r"no such query row: \[-1\]"),
        ([0, 1], [1, 5], r"no such document row: \[5\]\n.*rows are 0 to 4"),
        ([0, 1], [1], "2 queries are paired with 1 documents"),
        ([0.5], [1], "query rows are float64, not whole numbers"),
    ],
)
def test_pairs_that_cannot_be_are_refused(query: list[float], doc: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Exclusion.from_pairs(query, doc, queries=3, docs=5)


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(InputError, match="3 queries and 0 documents"):
        Exclusion.from_pairs([], [], queries=3, docs=0)


def test_asking_out_of_range_is_an_error_not_an_answer() -> None:
    known = exclusion([(0, 1)], 2, 5)
    with pytest.raises(InputError, match=r"no such document row: \[5\]"):
        known.contains([0], [5])
    with pytest.raises(InputError, match=r"no such query row: \[2\]"):
        known.contains([2], [0])

"""The frame a source returns."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.find.candidates import COLUMNS, from_lists, from_matrix, ranked
from negatives.search.shortlist import places


@given(st.lists(st.integers(0, 6), max_size=12))
def test_places_count_from_1_within_each_list(sizes: list[int]) -> None:
    expected = [place for size in sizes for place in range(1, size + 1)]
    assert places(np.array(sizes, np.int64)).tolist() == expected


def test_a_matrix_becomes_rows_query_by_query() -> None:
    made = from_matrix(
        np.array([4, 7], np.uint32),
        np.array([[9, 8], [1, 2]], np.uint32),
        np.array([[0.5, 0.25], [3, 1]], np.float32),
    )
    assert made.schema == COLUMNS
    assert made.rows() == [(4, 9, 1, 0.5), (4, 8, 2, 0.25), (7, 1, 1, 3.0), (7, 2, 2, 1.0)]


def test_lists_may_differ_in_length_and_be_empty() -> None:
    made = from_lists(
        np.array([0, 1, 2], np.uint32),
        [np.array([5], np.uint32), np.array([], np.uint32), np.array([6, 7], np.uint32)],
        [np.array([1], np.float32), np.array([], np.float32), np.array([3, 2], np.float32)],
    )
    assert made.schema == COLUMNS
    assert made.rows() == [(0, 5, 1, 1.0), (2, 6, 1, 3.0), (2, 7, 2, 2.0)]


def test_no_lists_are_an_empty_table() -> None:
    assert from_lists(np.empty(0, np.uint32), [], []).schema == COLUMNS


scored = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 9)), st.sampled_from([0.0, 1.0, 2.0, -1.0])
)


@pytest.mark.slow
@given(scored)
def test_ranks_follow_the_score_and_ties_the_document(
    pairs: dict[tuple[int, int], float],
) -> None:
    schema = {"query": pl.UInt32, "doc": pl.UInt32, "score": pl.Float64}
    rows = [(query, doc, score) for (query, doc), score in pairs.items()]
    made = ranked(pl.DataFrame(rows, schema=schema, orient="row"))
    expected = []
    for query in range(4):
        mine = sorted((-score, doc) for q, doc, score in rows if q == query)
        expected += [(query, doc, n + 1, -score) for n, (score, doc) in enumerate(mine)]
    assert made.schema == COLUMNS
    assert made.rows() == expected

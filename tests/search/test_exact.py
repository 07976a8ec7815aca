"""Exact top-k: whatever a slow and plain search finds, this finds too, however it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.schema import Floats, Rows
from negatives.search import exact
from negatives.search.exact import pair_scores, top_k
from negatives.store.vectors import Halves, open_vectors, write_vectors

coarse = st.sampled_from([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0])
"""Values whose products and sums are exact in any order, so that every tie is a true one."""


def plain_search(queries: Halves, docs: Halves, k: int, banned: set[int]) -> list[list[int]]:
    """Rows in order of score, highest first, then row: in float64, one pair at a time."""
    found = []
    for query in queries:
        scored = []
        for row, doc in enumerate(docs):
            if row not in banned:
                score = sum(float(a) * float(b) for a, b in zip(query, doc, strict=True))
                scored.append((-score, row))
        found.append([row for _, row in sorted(scored)[:k]])
    return found


def spread(count: int, dim: int, seed: int) -> Halves:
    """Vectors of one length in all directions, as an encoder gives them."""
    made = np.random.default_rng(seed).normal(size=(count, dim))
    halves: Halves = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)
    return halves


@st.composite
def searches(draw: st.DrawFn) -> tuple[Halves, Halves, int, set[int]]:
    dim = draw(st.integers(1, 5))
    queries = draw(arrays(np.float16, (draw(st.integers(1, 6)), dim), elements=coarse))
    docs = draw(arrays(np.float16, (draw(st.integers(1, 60)), dim), elements=coarse))
    k = draw(st.integers(1, 80))
    banned = draw(st.sets(st.integers(0, len(docs) - 1), max_size=len(docs)))
    return queries, docs, k, banned


@settings(max_examples=300, deadline=None)
@given(searches())
def test_it_finds_what_a_plain_search_finds_ties_by_row(
    search: tuple[Halves, Halves, int, set[int]],
) -> None:
    queries, docs, k, banned = search
    rows, scores = top_k(queries, docs, k, banned=np.array(sorted(banned), np.uint32))
    assert rows.tolist() == plain_search(queries, docs, k, banned)
    expected = np.einsum("qd,qkd->qk", queries.astype(float), docs[rows].astype(float))
    np.testing.assert_array_equal(scores, expected.astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(searches(), st.integers(1, 7))
def test_the_size_of_a_block_changes_nothing(
    search: tuple[Halves, Halves, int, set[int]], block: int
) -> None:
    queries, docs, k, banned = search
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_BLOCK", block)
        rows, _ = top_k(queries, docs, k, banned=np.array(sorted(banned), np.uint32))
    assert rows.tolist() == plain_search(queries, docs, k, banned)


def test_it_agrees_with_float64_on_vectors_of_an_encoder() -> None:
    queries, docs = spread(20, 64, seed=1), spread(20_000, 64, seed=2)
    rows, scores = top_k(queries, docs, 50)
    truth = queries.astype(np.float64) @ docs.astype(np.float64).T
    np.testing.assert_array_equal(rows, np.argsort(-truth, axis=1, kind="stable")[:, :50])
    np.testing.assert_allclose(scores, np.take_along_axis(truth, rows, 1), atol=1e-6)


@pytest.mark.parametrize("count", [100, 8193, 20_003])
@pytest.mark.parametrize("queries", [1, 17, 50])
def test_of_many_identical_documents_the_first_are_returned(count: int, queries: int) -> None:
    docs = np.repeat(spread(1, 64, seed=3), count, axis=0)
    rows, scores = top_k(spread(queries, 64, seed=4), docs, 10)
    np.testing.assert_array_equal(rows, np.tile(np.arange(10), (queries, 1)))
    assert (scores == scores[:, :1]).all()


def test_neither_threads_nor_memory_change_a_bit_even_among_copies() -> None:
    docs = spread(300, 48, seed=5)[np.random.default_rng(6).integers(0, 300, 30_000)]
    queries = spread(90, 48, seed=7)
    rows, scores = top_k(queries, docs, 150)
    for threads, memory in ((1, 1), (2, 1 << 22), (3, 1 << 30)):
        again = top_k(queries, docs, 150, threads=threads, memory=memory)
        np.testing.assert_array_equal(again[0], rows)
        np.testing.assert_array_equal(again[1], scores)
    one_by_one = [top_k(queries[n : n + 1], docs, 150)[0][0] for n in range(len(queries))]
    np.testing.assert_array_equal(one_by_one, rows)


def test_documents_in_a_file_are_searched_as_those_in_memory(tmp_path: Path) -> None:
    docs, queries = spread(5_000, 16, seed=14), spread(7, 16, seed=15)
    write_vectors(tmp_path / "docs.npy", 5_000, 16, [docs.astype(np.float32)])
    rows, scores = top_k(queries, docs, 30)
    again = top_k(queries, open_vectors(tmp_path / "docs.npy"), 30)
    np.testing.assert_array_equal(again[0], rows)
    np.testing.assert_array_equal(again[1], scores)


def test_documents_of_very_different_length_are_ordered_rightly() -> None:
    lengths = np.logspace(-2, 2, 5_000)[:, None]
    docs = (spread(5_000, 32, seed=8) * lengths).astype(np.float16)
    queries = spread(5, 32, seed=9)
    truth = queries.astype(np.float64) @ docs.astype(np.float64).T
    best = np.argsort(-truth, axis=1, kind="stable")[:, :20]
    np.testing.assert_array_equal(top_k(queries, docs, 20)[0], best)


def test_a_banned_row_is_never_returned_though_it_were_the_best() -> None:
    docs = np.array([[3], [2], [1]], np.float16)
    rows, scores = top_k(np.ones((1, 1), np.float16), docs, 2, banned=np.array([0], np.uint32))
    assert rows.tolist() == [[1, 2]]
    assert scores.tolist() == [[2.0, 1.0]]


def test_where_fewer_are_allowed_than_asked_all_of_them_are_returned() -> None:
    docs = np.array([[1], [-1], [0]], np.float16)
    rows, _ = top_k(np.ones((2, 1), np.float16), docs, 9, banned=np.array([2], np.uint32))
    assert rows.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize("banned", [np.array([0, 1], np.uint32), None])
def test_no_query_or_no_allowed_document_gives_an_empty_table(banned: Rows | None) -> None:
    docs = np.ones((2, 4), np.float16)
    queries = np.ones((3 if banned is not None else 0, 4), np.float16)
    rows, scores = top_k(queries, docs, 5, banned=banned)
    assert rows.shape == scores.shape == ((3, 0) if banned is not None else (0, 2))


def test_minus_zero_ties_with_zero() -> None:
    docs = np.array([[-0.0], [0.0], [-0.0]], np.float16)
    assert top_k(np.ones((1, 1), np.float16), docs, 3)[0].tolist() == [[0, 1, 2]]


finite = st.floats(width=32, allow_nan=False, allow_infinity=True)


@given(st.lists(finite, min_size=1))
def test_the_sort_key_of_a_score_puts_the_highest_first(values: list[float]) -> None:
    scores = np.array(values, np.float32)
    key = exact._descending(scores)
    np.testing.assert_array_equal(key[:, None] < key, scores[:, None] > scores)
    np.testing.assert_array_equal(key[:, None] == key, scores[:, None] == scores)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 6))
def test_merging_hits_keeps_the_best_and_of_equals_the_lower_row(
    data: st.DataObject, queries: int, k: int
) -> None:
    rows = np.zeros((queries, k), np.uint32)
    scores = np.full((queries, k), -np.inf, np.float32)
    seen: list[list[tuple[float, int]]] = [[] for _ in range(queries)]
    for start in (0, 10, 20):
        # Every query sees at least k documents, as in a search; any may come in any block.
        hits: list[tuple[int, int, float]] = [
            (query, start + column, data.draw(coarse))
            for query in range(queries)
            for column in sorted(data.draw(st.sets(st.integers(0, 9), min_size=k)))
        ]
        for query, row, score in hits:
            seen[query].append((-score, row))
        owner, row_of, value = (np.array(part) for part in zip(*hits, strict=True))
        exact._merge(rows, scores, owner, row_of, value.astype(np.float32))
    for query in range(queries):
        best = sorted(seen[query])[:k]
        assert sorted(rows[query].tolist()) == sorted(row for _, row in best)
        assert sorted(-scores[query]) == [score for score, _ in best]


def test_merging_many_queries_goes_in_steps_that_do_not_mix_them() -> None:
    count, k = 600, 9
    rng = np.random.default_rng(10)
    scores = rng.normal(size=(count, 30)).astype(np.float32)
    query, column = np.divmod(np.arange(scores.size), 30)
    best_rows = np.zeros((count, k), np.uint32)
    best_scores = np.full((count, k), -np.inf, np.float32)
    exact._merge(best_rows, best_scores, query, column, scores.ravel())
    np.testing.assert_array_equal(best_rows, np.argsort(-scores, axis=1, kind="stable")[:, :k])


def test_the_score_of_a_pair_does_not_depend_on_the_pairs_beside_it() -> None:
    queries, docs = spread(40, 50, seed=11), spread(900, 50, seed=12)
    rng = np.random.default_rng(13)
    query = rng.integers(0, 40, 40_000, np.uint32)
    doc = rng.integers(0, 900, 40_000, np.uint32)
    together = pair_scores(queries, docs, query, doc)
    for n in range(0, 40_000, 997):
        alone = pair_scores(queries, docs, query[n : n + 1], doc[n : n + 1])
        assert alone[0] == together[n]
    exactly = (queries[query].astype(np.float64) * docs[doc]).sum(axis=1)
    np.testing.assert_allclose(together, exactly, atol=1e-6)


@given(arrays(np.float16, (3, 4), elements=coarse), arrays(np.float16, (5, 4), elements=coarse))
def test_pair_scores_are_inner_products(queries: Halves, docs: Halves) -> None:
    query, doc = np.divmod(np.arange(15, dtype=np.uint32), np.uint32(5))
    expected: list[Any] = [
        sum(float(queries[q, d]) * float(docs[n, d]) for d in range(4))
        for q in range(3)
        for n in range(5)
    ]
    scores: Floats = pair_scores(queries, docs, query, doc)
    assert scores.tolist() == expected

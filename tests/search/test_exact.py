"""Exact top-k: whatever a slow and plain search finds, this finds too, however it is run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.arrays import Floats, Rows
from negatives.search import on_device
from negatives.search import shortlist as shortlists
from negatives.search.backend import Asked, Backend
from negatives.search.bfloat16_product import Bfloat16
from negatives.search.blas import Blas
from negatives.search.exact import pair_scores, top_k
from negatives.search.excluded import NOTHING, Excluded
from negatives.search.on_device import OnDevice
from negatives.search.shortlist import NO_DOC, Shortlist
from negatives.store.vectors import open_vectors, write_vectors
from tests.each import for_each

coarse = st.sampled_from([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0])
"""Values whose products and sums are exact in any order, so that every tie is a true one."""


Pairs = set[tuple[int, int]]


def plain_search(queries: Floats, docs: Floats, k: int, shut: Pairs) -> list[list[int]]:
    """Rows in order of score, highest first, then row: in float64, one pair at a time."""
    found = []
    for place, query in enumerate(queries):
        scored = []
        for row, doc in enumerate(docs):
            if (place, row) not in shut:
                score = sum(float(a) * float(b) for a, b in zip(query, doc, strict=True))
                scored.append((-score, row))
        found.append([row for _, row in sorted(scored)[:k]])
    return found


def spread(count: int, dim: int, seed: int) -> Floats:
    """Vectors of one length in all directions, as an encoder gives them."""
    made = np.random.default_rng(seed).normal(size=(count, dim))
    unit: Floats = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return unit


@dataclass(frozen=True)
class Search:
    queries: Floats
    docs: Floats
    k: int
    banned: set[int]
    excluded: Pairs

    def run(self, backend: Backend) -> tuple[list[list[int]], list[list[float]]]:
        """Rows and scores of each query, without what fills up a short row."""
        rows, scores = top_k(
            self.queries,
            self.docs,
            self.k,
            banned=np.array(sorted(self.banned), np.uint32),
            excluded=pairs(self.excluded),
            backend=backend,
        )
        assert (np.isneginf(scores) == (rows == NO_DOC)).all()
        there = [row != NO_DOC for row in rows]
        return (
            [row[kept].tolist() for row, kept in zip(rows, there, strict=True)],
            [score[kept].tolist() for score, kept in zip(scores, there, strict=True)],
        )

    def expected(self) -> list[list[int]]:
        shut = self.excluded | {(q, d) for q in range(len(self.queries)) for d in self.banned}
        return plain_search(self.queries, self.docs, self.k, shut)


def pairs(excluded: Pairs) -> Excluded:
    query, doc = np.array(sorted(excluded), np.uint32).reshape(-1, 2).T
    return Excluded(query, doc)


@st.composite
def searches(draw: st.DrawFn) -> Search:
    dim = draw(st.integers(1, 5))
    queries = draw(arrays(np.float32, (draw(st.integers(1, 6)), dim), elements=coarse))
    docs = draw(arrays(np.float32, (draw(st.integers(1, 60)), dim), elements=coarse))
    rows = st.integers(0, len(docs) - 1)
    return Search(
        queries,
        docs,
        k=draw(st.integers(1, 80)),
        banned=draw(st.sets(rows, max_size=len(docs))),
        excluded=draw(st.sets(st.tuples(st.integers(0, len(queries) - 1), rows))),
    )


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(searches(), st.integers(1, 7), st.integers(1, 3))
def test_it_finds_what_a_plain_search_finds_ties_by_row(
    search: Search, block: int, workers: int
) -> None:
    rows, scores = search.run(Blas(workers=workers, block=block, batch=4))
    assert rows == search.expected()
    for query, found, made in zip(search.queries, rows, scores, strict=True):
        assert made == (search.docs[found].astype(float) @ query.astype(float)).tolist()


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(searches(), st.integers(1, 7))
def test_coarser_products_nominate_more_and_find_the_same(search: Search, block: int) -> None:
    assert search.run(Bfloat16(block=block))[0] == search.expected()


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(searches(), st.integers(1, 7), st.sampled_from([0, 1, on_device.SPARE]))
def test_a_device_finds_the_same_whatever_it_can_tell_apart(
    search: Search, block: int, spare: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_device, "SPARE", spare)
        assert search.run(OnDevice("cpu", workers=2, block=block))[0] == search.expected()


@pytest.mark.parametrize("scale", [1.0, 300.0, 1e20])
def test_a_device_changes_no_bit_of_what_is_found(scale: float) -> None:
    queries, docs = spread(30, 64, seed=20), spread(9_000, 64, seed=21)
    docs[4_000:4_200] = docs[0]  # more documents of one score than are kept
    queries[7] = docs[0]
    docs = docs * np.float32(scale)
    excluded = pairs({(3, 17), (3, 18), (4, 8_999)})
    banned = np.array([5, 6_000], np.uint32)
    rows, scores = top_k(queries, docs, 40, banned=banned, excluded=excluded)
    again = top_k(
        queries, docs, 40, banned=banned, excluded=excluded, backend=OnDevice("cpu", workers=2)
    )
    np.testing.assert_array_equal(again[0], rows)
    np.testing.assert_array_equal(again[1], scores)


def test_a_device_leaves_to_the_processors_only_what_it_cannot_tell_apart() -> None:
    docs = spread(3_000, 64, seed=24)
    docs[100:200] = docs[0]
    queries = np.concatenate([spread(9, 64, seed=25), docs[:1]])
    asked = Asked(queries, docs, 20, np.ones(len(docs), bool), NOTHING)
    shortlist = Shortlist(len(queries), 20, partial(pair_scores, queries, docs))
    assert OnDevice("cpu").nominate(asked, shortlist).tolist() == [True] * 9 + [False]
    rows, _ = shortlist.best()
    np.testing.assert_array_equal(rows[:9], top_k(queries[:9], docs, 20)[0])
    assert (rows[9] == NO_DOC).all()


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_bfloat16_changes_no_bit_of_what_is_found(scale: float) -> None:
    queries, docs = spread(30, 64, seed=20), spread(9_000, 64, seed=21)
    docs = docs * np.float32(scale)
    rows, scores = top_k(queries, docs, 40)
    again = top_k(queries, docs, 40, backend=Bfloat16())
    np.testing.assert_array_equal(again[0], rows)
    np.testing.assert_array_equal(again[1], scores)


def test_a_query_of_thousands_of_exclusions_still_finds_k() -> None:
    queries, docs = spread(5, 32, seed=22), spread(9_000, 32, seed=23)
    order = top_k(queries[:1], docs, 8_000)[0][0]
    excluded = Excluded(np.zeros(7_950, np.uint32), order[:7_950])
    rows, _ = top_k(queries, docs, 50, excluded=excluded)
    np.testing.assert_array_equal(rows[0], order[7_950:])
    np.testing.assert_array_equal(rows[1:], top_k(queries[1:], docs, 50)[0])


def test_a_query_with_everything_excluded_finds_nothing_and_the_others_all() -> None:
    queries, docs = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
    excluded = Excluded(np.zeros(4, np.uint32), np.arange(4, dtype=np.uint32))
    rows, scores = top_k(queries, docs, 3, excluded=excluded)
    assert rows.tolist() == [[NO_DOC] * 3, [0, 1, 2]]
    assert scores.tolist() == [[-np.inf] * 3, [3.0] * 3]


def test_it_agrees_with_float64_on_vectors_of_an_encoder() -> None:
    queries, docs = spread(20, 64, seed=1), spread(20_000, 64, seed=2)
    rows, scores = top_k(queries, docs, 50)
    truth = queries.astype(np.float64) @ docs.astype(np.float64).T
    np.testing.assert_array_equal(rows, np.argsort(-truth, axis=1, kind="stable")[:, :50])
    np.testing.assert_allclose(scores, np.take_along_axis(truth, rows, 1), atol=1e-6)


@pytest.mark.slow
@for_each("count", [100, 8193, 20_003])
@for_each("queries", [1, 17, 50])
def test_of_many_identical_documents_the_first_are_returned(count: int, queries: int) -> None:
    docs = np.repeat(spread(1, 64, seed=3), count, axis=0)
    rows, scores = top_k(spread(queries, 64, seed=4), docs, 10)
    np.testing.assert_array_equal(rows, np.tile(np.arange(10), (queries, 1)))
    assert (scores == scores[:, :1]).all()


@pytest.mark.slow
def test_neither_threads_nor_memory_change_a_bit_even_among_copies() -> None:
    docs = spread(300, 48, seed=5)[np.random.default_rng(6).integers(0, 300, 30_000)]
    queries = spread(90, 48, seed=7)
    rows, scores = top_k(queries, docs, 150)
    for threads, memory in ((1, 1), (2, 1 << 22), (3, 1 << 30)):
        again = top_k(queries, docs, 150, backend=Blas(workers=threads), memory=memory)
        np.testing.assert_array_equal(again[0], rows)
        np.testing.assert_array_equal(again[1], scores)
    one_by_one = [top_k(queries[n : n + 1], docs, 150)[0][0] for n in range(len(queries))]
    np.testing.assert_array_equal(one_by_one, rows)


def test_documents_in_a_file_are_searched_as_those_in_memory(tmp_path: Path) -> None:
    docs, queries = spread(5_000, 16, seed=14), spread(7, 16, seed=15)
    write_vectors(tmp_path / "docs.npy", 5_000, 16, [docs])
    rows, scores = top_k(queries, docs, 30)
    again = top_k(queries, open_vectors(tmp_path / "docs.npy"), 30)
    np.testing.assert_array_equal(again[0], rows)
    np.testing.assert_array_equal(again[1], scores)


def test_documents_of_very_different_length_are_ordered_rightly() -> None:
    lengths = np.logspace(-2, 2, 5_000)[:, None]
    docs = (spread(5_000, 32, seed=8) * lengths).astype(np.float32)
    queries = spread(5, 32, seed=9)
    truth = queries.astype(np.float64) @ docs.astype(np.float64).T
    best = np.argsort(-truth, axis=1, kind="stable")[:, :20]
    np.testing.assert_array_equal(top_k(queries, docs, 20)[0], best)


def test_a_banned_row_is_never_returned_though_it_were_the_best() -> None:
    docs = np.array([[3], [2], [1]], np.float32)
    rows, scores = top_k(np.ones((1, 1), np.float32), docs, 2, banned=np.array([0], np.uint32))
    assert rows.tolist() == [[1, 2]]
    assert scores.tolist() == [[2.0, 1.0]]


def test_where_fewer_are_allowed_than_asked_all_of_them_are_returned() -> None:
    docs = np.array([[1], [-1], [0]], np.float32)
    rows, _ = top_k(np.ones((2, 1), np.float32), docs, 9, banned=np.array([2], np.uint32))
    assert rows.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize("banned", [np.array([0, 1], np.uint32), None])
def test_no_query_or_no_allowed_document_gives_an_empty_table(banned: Rows | None) -> None:
    docs = np.ones((2, 4), np.float32)
    queries = np.ones((3 if banned is not None else 0, 4), np.float32)
    rows, scores = top_k(queries, docs, 5, banned=banned)
    assert rows.shape == scores.shape == ((3, 0) if banned is not None else (0, 2))


def test_minus_zero_ties_with_zero() -> None:
    docs = np.array([[-0.0], [0.0], [-0.0]], np.float32)
    assert top_k(np.ones((1, 1), np.float32), docs, 3)[0].tolist() == [[0, 1, 2]]


finite = st.floats(width=32, allow_nan=False, allow_infinity=True)


@given(st.lists(finite, min_size=1))
def test_the_sort_key_of_a_score_puts_the_highest_first_and_can_be_undone(
    values: list[float],
) -> None:
    scores = np.array(values, np.float32)
    key = shortlists._descending(scores)
    np.testing.assert_array_equal(np.argsort(key, kind="stable"), _plain_order(scores))
    np.testing.assert_array_equal(shortlists._ascending(key), scores)


def _plain_order(scores: Floats) -> list[int]:
    return sorted(range(len(scores)), key=lambda n: (-scores[n], np.signbit(scores[n])))


@given(st.lists(st.tuples(st.integers(0, 4), coarse)), st.integers(1, 6))
def test_the_bar_is_the_kth_highest_score_of_those_that_have_k(
    hits: list[tuple[int, float]], k: int
) -> None:
    query = np.array([q for q, _ in hits], np.uint32)
    score = np.array([s for _, s in hits], np.float32)
    expected = []
    for owner in range(5):
        own = sorted(score[query == owner], reverse=True)
        expected.append(own[k - 1] if len(own) >= k else -np.inf)
    assert shortlists._kth(query, score, k, 5).tolist() == expected


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


@given(arrays(np.float32, (3, 4), elements=coarse), arrays(np.float32, (5, 4), elements=coarse))
def test_pair_scores_are_inner_products(queries: Floats, docs: Floats) -> None:
    query, doc = np.divmod(np.arange(15, dtype=np.uint32), np.uint32(5))
    expected: list[Any] = [
        sum(float(queries[q, d]) * float(docs[n, d]) for d in range(4))
        for q in range(3)
        for n in range(5)
    ]
    scores: Floats = pair_scores(queries, docs, query, doc)
    assert scores.tolist() == expected

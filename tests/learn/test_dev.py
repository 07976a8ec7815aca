"""A look at the dev split: always the same part of it, and the metric by its definition."""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np
import pytest

from negatives.errors import DataError, InputError
from negatives.events import Event, Warned
from negatives.learn.compare import compare
from negatives.learn.dev import DOCS, QUERIES, DevSet, dev_set, overlap, refuse_overlap
from negatives.read import load
from negatives.schema import Collection
from tests.build import collection

VECTORS = {
    "east": (1, 0), "north": (0, 1), "e": (1, 0.1), "ne": (1, 1), "n": (0.2, 5), "w": (-1, 0)
}  # fmt: skip


def encode(texts: list[str]) -> Any:
    return np.array([VECTORS[text] for text in texts], np.float32)


@pytest.fixture
def data() -> Collection:
    return collection(
        {"d1": "e", "d2": "ne", "d3": "n", "d4": "w"},
        {"q1": "east", "q2": "north", "q3": "w"},
        [("q1", "d2", 1), ("q2", "d3", 1), ("q2", "d4", 1), ("q3", "d1", 0)],
    )


def test_ndcg_of_an_encoder_by_hand(data: Collection) -> None:
    # east: e, ne: the positive is second. north: n, ne, e, w (cosines 1, 0.71, 0.1, 0).
    east = 1 / log2(3)
    north = (1 + 1 / log2(5)) / (1 + 1 / log2(3))
    assert DevSet.of(data).ndcg_of_encoder(encode) == pytest.approx((east + north) / 2, abs=1e-6)


def test_ndcg_of_a_reranker_by_hand(data: Collection) -> None:
    def score(pairs: list[tuple[str, str]]) -> Any:
        wanted = {"east": "ne", "north": "e"}
        return np.array([wanted[query] == doc for query, doc in pairs], np.float32)

    dev = DevSet.of(data)
    # north: e first, then ties in the order of ids: ne, n, w.
    north = (1 / log2(4) + 1 / log2(5)) / (1 + 1 / log2(3))
    assert dev.ndcg_of_reranker(score) == pytest.approx((1 + north) / 2, abs=1e-6)


def many(queries: int, docs: int) -> Collection:
    return collection(
        {f"d{n:05}": f"text {n}" for n in range(docs)},
        {f"q{n:05}": f"query {n}" for n in range(queries)},
        [(f"q{n:05}", f"d{n % docs:05}", 1) for n in range(queries)],
    )


def test_the_draw_is_that_of_the_seed_and_holds_every_positive() -> None:
    data = many(QUERIES + 100, DOCS + 500)
    one, same, other = (DevSet.of(data, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.queries, same.queries)
    assert np.array_equal(one.docs, same.docs)
    assert not np.array_equal(one.queries, other.queries)
    assert (len(one.queries), len(one.docs)) == (QUERIES, DOCS)
    positives = data.positives.filter(data.positives["query"].is_in(one.queries.tolist()))["doc"]
    assert set(positives.to_list()) <= set(one.docs.tolist())


def test_what_is_left_out_is_not_drawn(data: Collection) -> None:
    assert DevSet.of(data, without=np.array([0], np.uint32)).queries.tolist() == [1]
    with pytest.raises(DataError, match="no query of the dev split"):
        DevSet.of(data, without=np.array([0, 1], np.uint32))


def test_a_reranker_is_asked_about_twenty_documents_a_query() -> None:
    asked: list[tuple[str, str]] = []

    def score(pairs: list[tuple[str, str]]) -> Any:
        asked.extend(pairs)
        return np.array([query.split()[1] == doc.split()[1] for query, doc in pairs], np.float32)

    assert DevSet.of(many(3, 50)).ndcg_of_reranker(score) == 1
    assert len(asked) == 60


def test_queries_of_both_are_found_by_text_and_listed(data: Collection) -> None:
    dev = collection({"d9": "x"}, {"a": "new", "b": "East!"}, [("a", "d9", 1), ("b", "d9", 1)])
    assert overlap(data, dev).tolist() == [1]
    with pytest.raises(DataError, match=r"1 queries .* b \('East!'\)") as caught:
        refuse_overlap(data, dev)
    assert "--dev" in caught.value.fix
    # A query without a positive is not trained with.
    refuse_overlap(data, collection({"d9": "x"}, {"a": "W"}, [("a", "d9", 1)]))


def test_where_there_is_no_dev_split_the_command_that_makes_one_is_named(
    data: Collection,
) -> None:
    for train in (data, load("cranfield")):
        heard: list[Event] = []
        assert dev_set(None, train.origin, train, 0, None, heard.append) is None
        (warned,) = heard
        assert isinstance(warned, Warned)
        assert "negatives data split DATA --dev 0.1 -o FOLDER" in warned.text
    with pytest.raises(InputError, match="negatives data split DATA --dev 0"):
        compare("cranfield", ["default", "bm25"], "nowhere")

"""Rankings by models, words, runs and rerankers; what is barred; runs read from files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.arrays import Floats
from negatives.errors import DataError, InputError
from negatives.measure.barred import NotOlder, SameId, any_of, as_lists
from negatives.measure.ranking import (
    Model,
    open_ranker,
    opened_reranker,
    ordered,
    rankings,
    reranking,
    tied,
)
from negatives.models.encoder import Encoded
from negatives.models.reranker import Pair
from negatives.opening import Context
from negatives.read.trec_run import against_ranks, read_trec_run
from tests.build import collection
from tests.measure.ranked import rank, whole


class ByLetters:
    """An encoder whose vectors count letters: similar words are similar texts."""

    dim = 26
    fingerprint = "letters"

    def encode(self, texts: Sequence[str]) -> Encoded:
        vectors = [[text.count(chr(97 + n)) for n in range(26)] for text in texts]
        return Encoded(np.array(vectors, np.float32).reshape(-1, 26), np.zeros(len(texts), bool))


class ByLength:
    """A reranker that likes long documents."""

    fingerprint = "length"

    def score(self, pairs: Sequence[Pair]) -> Floats:
        return np.array([len(doc) for _, doc in pairs], np.float32)


DOCS = {"d1": "aab", "d2": "abb", "d3": "zzz", "d4": "aabb aabb", "d5": "q"}
QUERIES = {"d2": "abb", "q1": "aab"}
QRELS = [("q1", "d1", 1), ("d2", "d4", 1)]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(collection=collection(DOCS, QUERIES, QRELS), scratch=tmp_path)


def order(ranking: pl.DataFrame, query: str) -> list[str]:
    rows = ranking.filter(pl.col("query_id") == query)
    assert rows["rank"].to_list() == list(range(1, len(rows) + 1))
    return rows["doc_id"].to_list()


def test_an_encoder_ranks_by_cosine(context: Context) -> None:
    found = rank(ByLetters(), context, depth=0)
    vectors = {id_: ByLetters().encode([text]).vectors[0] for id_, text in DOCS.items()}
    units = {id_: vector / np.linalg.norm(vector) for id_, vector in vectors.items()}
    assert order(found, "q1") == sorted(
        sorted(DOCS, reverse=True), key=lambda d: -round(float(units[d] @ units["d1"]), 3)
    )
    assert len(order(rank(ByLetters(), context, depth=2), "q1")) == 2


def test_words_rank_only_what_shares_one(context: Context) -> None:
    assert order(rank("bm25", context), "q1") == ["d1"]
    assert order(rank(neg.BM25(stemmer=False), context), "d2") == ["d2"]


def test_a_ranking_is_the_same_in_chunks(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    once = rank(ByLetters(), context, depth=3)
    monkeypatch.setattr("negatives.measure.ranking._PAIRS", 1)
    ranker = open_ranker(ByLetters(), context, depth=3)
    parts = list(rankings(ranker, context, depth=3))
    assert len(parts) == 2
    assert pl.concat([part for _, part in parts]).equals(once)


def test_scores_that_are_equal_as_32_bits_have_the_last_id_first() -> None:
    frame = pl.DataFrame(
        {"query_id": ["q"] * 4, "doc_id": ["b", "c", "a", "B"], "score": [1.0, 2.0, 1 + 1e-9, 1.0]}
    )
    assert order(ordered(frame), "q") == ["c", "b", "a", "B"]
    frame = frame.with_columns(pl.col("score").cast(pl.Float32))
    assert tied(ordered(frame)).to_list() == [False, True, True, True]


def test_a_reranker_orders_the_top_and_leaves_the_rest(context: Context) -> None:
    first = open_ranker(ByLetters(), context, depth=0)
    before, after = (
        whole(first, context),
        whole(reranking(ByLength(), "by length", first, context, top=2), context),
    )
    for query in QUERIES:
        was, now = order(before, query), order(after, query)
        assert now[:2] == sorted(sorted(was[:2], reverse=True), key=lambda doc: -len(DOCS[doc]))
        assert now[2:] == was[2:]
    assert after["score"].null_count() == len(after) - 4


@pytest.mark.parametrize("model", ["bm25", "frame", "encoder"])
def test_a_query_does_not_find_itself_where_it_must_not(context: Context, model: str) -> None:
    models: dict[str, Model] = {
        "bm25": "bm25",
        "encoder": ByLetters(),
        "frame": pl.DataFrame(
            {"query_id": ["d2", "d2", "q1"], "doc_id": ["d2", "d4", "d2"], "score": [3, 2, 1]}
        ),
    }
    chosen, bar = models[model], SameId.of(context.collection)
    free, barred = rank(chosen, context), rank(chosen, context, bar=bar)
    assert order(free, "d2")[0] == "d2"
    assert order(barred, "d2") == order(free, "d2")[1:]
    assert order(barred, "q1") == order(free, "q1")


def test_what_is_not_older_is_barred() -> None:
    bar = NotOlder(np.array([2.0, 9.0]), np.array([1.0, 2.0, 3.0]))
    found = bar(np.array([0, 1], np.uint32))
    assert list(zip(found.query.tolist(), found.doc.tolist(), strict=True)) == [(0, 1), (0, 2)]
    both = any_of([bar, SameId(np.array([2, -1]))])(np.array([1, 0], np.uint32))
    assert list(zip(both.query.tolist(), both.doc.tolist(), strict=True)) == [(1, 1), (1, 2)]
    assert as_lists(both, 2).starts.tolist() == [0, 0, 2]


def test_a_run_of_other_documents_is_refused(context: Context) -> None:
    run = pl.DataFrame(
        {"query_id": ["q1"] * 7, "doc_id": [f"x{n}" for n in range(7)], "score": [1.0] * 7}
    )
    with pytest.raises(DataError) as error:
        rank(run, context)
    assert "7 documents of the run are not in the corpus: 'x0', 'x1', 'x2', 'x3', 'x4'" in str(
        error.value
    )
    assert "give the collection that the run was made on" in str(error.value)


def test_a_run_for_other_queries_is_refused(context: Context) -> None:
    run = pl.DataFrame({"query_id": ["z"], "doc_id": ["d1"], "score": [1.0]})
    with pytest.raises(DataError, match=r"no query of the run has a positive in .*'z'"):
        rank(run, context)
    with pytest.raises(DataError, match="the ranking has no column score"):
        rank(run.drop("score"), context)


def test_an_encoder_is_no_reranker(context: Context) -> None:
    with pytest.raises(InputError, match="ByLetters is no reranker"):
        opened_reranker(ByLetters(), context.machine)  # type: ignore[arg-type]


def test_a_run_is_read_by_its_scores(tmp_path: Path, context: Context) -> None:
    path = tmp_path / "a.run"
    path.write_text("q1 Q0 d2 1 -1.5 x\n\n  q1\tQ0 d1 2 2e1  x\r\nd2 Q0 d4 1 3 x")
    found = read_trec_run(path)
    assert found.select("query_id", "doc_id", "score").rows() == [
        ("q1", "d2", -1.5),
        ("q1", "d1", 20.0),
        ("d2", "d4", 3.0),
    ]
    assert against_ranks(found) == 1
    assert order(rank(path, context), "q1") == ["d1", "d2"]


def test_only_blanks_and_tabs_part_the_columns_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    path.write_text("q\u00a01 Q0 d\u3000 1 2 x\n")
    assert read_trec_run(path).row(0)[:2] == ("q\u00a01", "d\u3000")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("q Q0 d 1 2 x\nq Q0 d\n", "line 2: expected 6 columns .* found 3"),
        ("q Q0 d 1 2 x\nq Q0 e 1 nan x\n", "1 score is no number.*line 2: 'nan'"),
        ("q Q0 d 1 best x\n", "1 score is no number.*line 1: 'best'"),
        ("q Q0 d 1 2 x\nq Q0 d 2 1 x\n", "1 document comes twice.*line 2: query 'q', document 'd'"),
        ("\n", "the run is empty"),
    ],
)
def test_what_is_wrong_in_a_run_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.run"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_trec_run(path)
    assert re.search(says, str(error.value), re.DOTALL), str(error.value)


def test_a_run_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    path.write_bytes(b"q Q0 d 1 2 x\nq Q0 \xff 1 2 x\n")
    with pytest.raises(DataError, match=r"not UTF-8\n.*line 2"):
        read_trec_run(path)

"""Queries that are documents of the corpus, told from those merely numbered like one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.judge.known import Known
from negatives.judge.own import own_documents
from negatives.measure.evaluation import WithoutSelf
from tests.build import collection, context

CASE = Path(__file__).parents[1] / "cases" / "self-retrieval" / "beir"
TEXTS = ["salt of the sea", "why bread rises", "leaves pull water", "bees see petals", "two tides"]


def numbered(texts: list[str], start: str = "") -> dict[str, str]:
    return {f"{start}{n}": text for n, text in enumerate(texts)}


def own(docs: dict[str, str], queries: dict[str, str], *qrels: tuple[str, str, int]) -> list[int]:
    return [int(row) for row in own_documents(collection(docs, queries, qrels))]


def test_ids_that_are_more_than_numbers_name_the_query_s_own_document() -> None:
    texts, others = numbered(TEXTS, "a"), numbered(TEXTS[::-1], "a")
    assert own(texts, others) == [0, 1, 2, 3, 4]
    assert own(texts, {"a3": "of another text", "q": "of another id"}) == [3, -1]
    assert own(texts, {"q1": "no id of a document"}) == [-1]


def test_bare_numbers_do_where_the_texts_agree() -> None:
    longer = [f"A title. {text.upper()}, and more of it" for text in TEXTS]
    assert own(numbered(longer), numbered(TEXTS)) == [0, 1, 2, 3, 4]
    assert own(numbered(longer), numbered(TEXTS[1:] + TEXTS[:1])) == [-1] * 5
    assert (own_documents(neg.Collection.load("cranfield")) == -1).all()


def test_an_id_that_names_query_and_answer_is_no_document_of_its_own() -> None:
    texts = numbered(TEXTS, "pair-")
    qrels = [(name, name, 1) for name in texts]
    assert own(texts, texts, *qrels) == [-1] * 5
    assert own(texts, texts, *qrels[:1]) == [0, 1, 2, 3, 4]


def test_the_query_s_own_document_is_rejected_whatever_its_text_or_judgement(
    tmp_path: Path,
) -> None:
    docs = {"x1": "A title. What is salt?", "x2": "where it is from", "x3": "why seas are salty"}
    data = collection(docs, {"x1": "what is salt"}, [("x1", "x3", 1), ("x1", "x1", 0)])
    rows = pl.DataFrame({"query": [0] * 3, "doc": [0, 1, 2], "relevance": [0, None, 1]}).cast(
        {"query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32}
    )
    found = Known().open(context(data, tmp_path)).judge(rows)
    assert found.select("verdict", "reason").rows() == [
        ("rejected", "own-document: it has the query's id"),
        (None, None),
        ("positive", "judged relevant (grade 1)"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("letters", ["", "a"])
def test_no_run_has_a_query_s_own_document_among_its_negatives(
    tmp_path: Path, letters: str
) -> None:
    docs = numbered([f"{text} and so on" for text in TEXTS], letters)
    some = {name: docs[name].removesuffix(" and so on") for name in list(docs)[:2]}
    qrels = [(f"{letters}0", f"{letters}4", 1), (f"{letters}1", f"{letters}3", 1)]
    run = neg.mine(collection(docs, some, qrels), tmp_path / "run")
    assert len(run.negatives) == 6
    assert run.negatives.filter(pl.col("query_id") == pl.col("doc_id")).is_empty()


def test_evaluate_says_how_many_queries_find_themselves() -> None:
    plain = neg.evaluate("bm25", f"{CASE}@test", metrics=["RR"])
    assert plain.figures["queries that find themselves"] == 6
    without = neg.evaluate("bm25", f"{CASE}@test", metrics=["RR"], protocols=[WithoutSelf()])
    assert without.figures["queries that find themselves"] == 0

"""The tables: what a collection knows of itself, and every invariant, broken on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from negatives.errors import DataError, WorkError
from negatives.schema import (
    LEDGER_HEAD,
    LEDGER_TAIL,
    TEXTS,
    Collection,
    Needs,
    check_collection,
    check_ledger,
)
from negatives.store.fingerprints import fingerprints
from tests.build import collection

DATA = collection(
    {"d3": "three", "d1": "one", "d2": "  ", "d4": "four"},
    {"q2": "second", "q1": "first", "q3": "unjudged"},
    [("q2", "d3", 2), ("q1", "d4", 1), ("q1", "d1", 0), ("q2", "d1", 1), ("q3", "d1", 0)],
    given=[("q1", "d3")],
)


def test_rows_are_in_the_order_of_ids_and_remember_their_place_in_the_file() -> None:
    assert DATA.corpus["doc_id"].to_list() == ["d1", "d2", "d3", "d4"]
    assert DATA.corpus["row"].to_list() == [1, 2, 0, 3]
    assert DATA.queries["query_id"].to_list() == ["q1", "q2", "q3"]


def test_judgements_by_row_number_are_sorted() -> None:
    assert DATA.judged.rows() == [(0, 0, 0), (0, 3, 1), (1, 0, 1), (1, 2, 2), (2, 0, 0)]


def test_positives_are_judgements_above_zero() -> None:
    assert DATA.positives.rows() == [(0, 3), (1, 0), (1, 2)]


def test_only_queries_with_a_positive_are_mined() -> None:
    assert DATA.mined_queries.tolist() == [0, 1]


def test_a_document_of_blanks_is_empty() -> None:
    assert DATA.empty_docs.tolist() == [1]


def test_ids_and_rows_are_two_names_of_one_thing() -> None:
    pairs = DATA.ids_of(DATA.judged)
    assert pairs.columns == ["query_id", "doc_id", "relevance"]
    assert DATA.rows_of(pairs).sort("query", "doc").equals(DATA.judged)


def test_texts_are_looked_up_by_row() -> None:
    assert DATA.doc_texts(DATA.positives["doc"].to_numpy()) == ["four", "one", "three"]
    assert DATA.query_texts(DATA.mined_queries) == ["first", "second"]


def refusal(broken: Collection) -> str:
    with pytest.raises(DataError) as caught:
        check_collection(broken)
    return str(caught.value)


def test_a_collection_that_is_right_passes() -> None:
    assert check_collection(DATA) is DATA


def test_a_table_with_other_columns_is_refused_and_told_which_it_needs() -> None:
    for table in ("qrels", "given"):
        broken: Any = {table: getattr(DATA, table).with_columns(extra=1)}
        text = refusal(replace(DATA, **broken))
        assert text.startswith(f"table '{table}' has columns {{")
        assert "where: collection 'made'" in text
        assert "fix:   give it exactly {" in text
    for table in ("corpus", "queries"):
        frame: pl.DataFrame = getattr(DATA, table)
        for wrong in (frame.drop("row"), frame.drop("text"), frame.with_columns(image=1)):
            broken = {table: wrong}
            text = refusal(replace(DATA, **broken))
            assert text.startswith(f"table '{table}' has columns {{")
            assert 'identity="id" where there are no texts' in text


def test_further_columns_of_documents_and_queries_are_fields() -> None:
    dated = replace(DATA, corpus=DATA.corpus.with_columns(time=pl.Series([1, None, 3, 4])))
    assert check_collection(dated).has("docs", "time")
    assert not dated.has("queries", "time")
    assert dated.lacking("docs", ("time",)).tolist() == [1]
    assert dated.lacking("docs", ("time", "text")).tolist() == [1]
    assert dated.lacking("queries", ("time",)).tolist() == [0, 1, 2]


ITEMS = replace(
    DATA, corpus=DATA.corpus.drop("text"), queries=DATA.queries.drop("text"), identity=None
)
"""The same, nobody has a text."""


def test_what_has_no_texts_goes_by_its_id() -> None:
    assert DATA.identity == "text"
    assert check_collection(ITEMS).identity == "id"
    assert ITEMS.empty_docs.tolist() == []
    assert ITEMS.unproposable(Needs()).tolist() == []
    assert ITEMS.unproposable(TEXTS).tolist() == [0, 1, 2, 3]
    assert DATA.unproposable(Needs()).tolist() == [1]
    described = replace(DATA, identity="id")
    assert described.unproposable(Needs()).tolist() == []
    assert described.unproposable(TEXTS).tolist() == [1]


def test_keys_are_equal_where_two_are_the_same() -> None:
    twins = collection(
        {"a": "Same words!", "b": "same words", "q": "another"},
        {"q": "same words", "r": "a question"},
        [("q", "a", 1)],
    )
    docs, queries = twins.keys("docs"), twins.keys("queries")
    assert docs[0] == docs[1] == queries[0]
    by_id = replace(twins, identity="id")
    docs, queries = by_id.keys("docs"), by_id.keys("queries")
    assert len({*docs.tolist(), *queries.tolist()}) == 5


def test_the_fingerprint_tells_of_identity_and_of_fields() -> None:
    plain = fingerprints(DATA)
    assert plain["identity"] == plain["corpus_fields"] == plain["query_fields"] == ""
    assert fingerprints(replace(DATA, identity="id")) == plain | {"identity": "id"}
    made = [
        fingerprints(replace(DATA, corpus=DATA.corpus.with_columns(time=pl.Series(times))))
        for times in ([1, None, 3, 4], [1, None, 3, 5], [1, 3, None, 4])
    ]
    assert all(each["corpus"] == plain["corpus"] for each in made)
    assert len({each["corpus_fields"] for each in made}) == 3


@pytest.mark.parametrize(("table", "what"), [("corpus", "corpus"), ("queries", "queries")])
def test_an_empty_side_is_refused(table: str, what: str) -> None:
    broken: Any = {table: getattr(DATA, table).clear()}
    assert refusal(replace(DATA, **broken)).startswith(f"the {what} is empty")


@pytest.mark.parametrize(("table", "key"), [("corpus", "doc_id"), ("queries", "query_id")])
def test_ids_out_of_order_or_twice_are_refused(table: str, key: str) -> None:
    frame: pl.DataFrame = getattr(DATA, table)
    expected = f"{key}s of the {table} are not sorted and unique"
    for wrong in (frame.reverse(), pl.concat([frame, frame]).sort(key)):
        broken: Any = {table: wrong}
        assert refusal(replace(DATA, **broken)).startswith(expected)


@pytest.mark.parametrize("column", ["doc_id", "text"])
def test_a_null_id_or_text_is_refused(column: str) -> None:
    frame = DATA.corpus.with_columns(
        pl.when(pl.col("doc_id") == "d1").then(None).otherwise(pl.col(column)).alias(column)
    )
    assert refusal(replace(DATA, corpus=frame)).startswith("the corpus has null ids or texts")


def test_judgements_of_unknown_ids_are_counted_and_refused() -> None:
    strangers = pl.DataFrame(
        [("q1", "d9", 1), ("q9", "d1", 1)], schema=DATA.qrels.schema, orient="row"
    )
    text = refusal(replace(DATA, qrels=pl.concat([DATA.qrels, strangers])))
    assert text.startswith("2 rows of qrels name an unknown query or document")
    assert "fix:   remove them, or add the missing queries and documents" in text


@pytest.mark.parametrize("table", ["qrels", "given"])
def test_a_pair_twice_is_refused(table: str) -> None:
    frame: pl.DataFrame = getattr(DATA, table)
    broken: Any = {table: pl.concat([frame, frame.head(1)])}
    assert refusal(replace(DATA, **broken)).startswith(f"{table} has a pair twice")


def ledger(**changes: object) -> pl.DataFrame:
    """One row of a ledger, eligible unless changed."""
    row: dict[str, object] = {
        "query_id": "q1",
        "doc_id": "d1",
        "sources": ["bm25"],
        "relevance": None,
        "log_q": None,
        "p_relevant": None,
        "verdict": "eligible",
        "rule": "",
        "reason": "",
        "hardness": -1.0,
    }
    return pl.DataFrame([row | changes], schema={**LEDGER_HEAD, **LEDGER_TAIL}, orient="row")


def breach(*parts: pl.DataFrame) -> str:
    with pytest.raises(WorkError) as caught:
        check_ledger(pl.concat(parts))
    return str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"verdict": "positive", "relevance": 1, "rule": "known", "reason": "judged"},
        {"verdict": "judged-negative", "relevance": 0, "rule": "known", "reason": "judged"},
        {"verdict": "duplicate", "rule": "known", "reason": "same-text"},
        {"verdict": "duplicate", "relevance": 0, "rule": "known", "reason": "same-text"},
        {"verdict": "rejected", "rule": "margin", "reason": "too high"},
    ],
)
def test_a_ledger_that_keeps_the_invariants_passes(changes: dict[str, object]) -> None:
    assert check_ledger(ledger(**changes)).height == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": "perhaps", "rule": "?", "reason": "?"}, "1 unknown verdicts"),
        ({"verdict": None, "rule": "?", "reason": "?"}, "1 unknown verdicts"),
        ({"verdict": "rejected", "rule": "margin"}, "1 verdicts without a reason"),
        ({"verdict": "rejected", "reason": "high"}, "1 verdicts without a rule"),
        ({"rule": "margin"}, "1 rules of eligible pairs"),
        ({"relevance": 0}, "1 judged pairs left eligible"),
        (
            {"relevance": 1, "verdict": "duplicate", "rule": "known", "reason": "same-text"},
            "1 positives not called positive",
        ),
        ({"relevance": 1}, "1 judged pairs left eligible; 1 positives not called positive"),
    ],
)
def test_a_broken_invariant_is_counted_and_named(changes: dict[str, object], said: str) -> None:
    assert breach(ledger(**changes)) == f"the ledger breaks its invariants: {said}"


def test_a_pair_twice_in_the_ledger_is_counted_and_named() -> None:
    assert breach(ledger(), ledger()) == ("the ledger breaks its invariants: 2 pairs listed twice")


def test_a_ledger_column_missing_or_of_another_type_is_named() -> None:
    assert breach(ledger().drop("hardness")) == "ledger column 'hardness' is None, not Float32"
    wide = ledger().with_columns(pl.col("hardness").cast(pl.Float64))
    assert breach(wide) == "ledger column 'hardness' is Float64, not Float32"

"""What is known before any score: judgements, copies, and the query's own text."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from negatives.judge.known import Known
from tests.build import collection, context

DATA = collection(
    {
        "a": "Lift and drag.",
        "a-copy": "Lift and drag.",
        "a-shouted": "LIFT and   drag!",
        "b": "Second positive",
        "b-copy": "second positive",
        "c": "Something else",
        "d": "What is lift?",
        "e": "judged not relevant",
        "wide": "Ｌｉｆｔ and drag",
    },
    {"q1": "what is lift", "q2": "something ELSE"},
    [("q1", "a", 2), ("q1", "b", 1), ("q1", "e", 0), ("q1", "b-copy", 0), ("q2", "c", 1)],
)
ALL = (
    DATA.queries.with_row_index("query")
    .select("query")
    .join(DATA.corpus.with_row_index("doc").select("doc"), how="cross")
    .join(DATA.judged, on=["query", "doc"], how="left", maintain_order="left")
)


def opinions(query: str, scratch: Path) -> dict[str, tuple[str | None, str | None]]:
    opinion = Known().open(context(DATA, scratch)).judge(ALL)
    named = DATA.ids_of(pl.concat([ALL, opinion], how="horizontal"))
    mine = named.filter(pl.col("query_id") == query)
    return {
        doc: (verdict, reason)
        for doc, verdict, reason in mine.select("doc_id", "verdict", "reason").iter_rows()
    }


def test_a_positive_is_a_positive_with_its_grade(tmp_path: Path) -> None:
    assert opinions("q1", tmp_path)["a"] == ("positive", "judged relevant (grade 2)")


def test_a_copy_of_a_positive_is_a_duplicate(tmp_path: Path) -> None:
    assert opinions("q1", tmp_path)["a-copy"] == ("duplicate", "same-text: as positive a")


def test_case_blanks_punctuation_and_letter_forms_make_no_difference(tmp_path: Path) -> None:
    reason = "same-normalised-text: as positive a"
    assert opinions("q1", tmp_path)["a-shouted"] == ("duplicate", reason)
    assert opinions("q1", tmp_path)["wide"] == ("duplicate", reason)


def test_a_copy_of_one_querys_positive_is_no_duplicate_to_another(tmp_path: Path) -> None:
    assert opinions("q2", tmp_path)["a"] == (None, None)
    assert opinions("q2", tmp_path)["b"] == (None, None)


def test_of_candidates_with_one_text_the_first_is_left(tmp_path: Path) -> None:
    of_q2 = opinions("q2", tmp_path)
    for copy in ("a-copy", "a-shouted", "wide"):
        assert of_q2[copy] == ("rejected", "repeat: the text of candidate a")


def test_of_candidates_with_one_text_a_judged_one_is_left(tmp_path: Path) -> None:
    data = collection(
        {"a": "same", "b": "same", "c": "same", "p": "other"},
        {"q": "what"},
        [("q", "b", 0), ("q", "p", 1)],
    )
    rows = (
        data.corpus.with_row_index("doc")
        .select(pl.lit(0, pl.UInt32).alias("query"), "doc")
        .join(data.judged, on=["query", "doc"], how="left", maintain_order="left")
    )
    verdicts = Known().open(context(data, tmp_path)).judge(rows)["verdict"].to_list()
    assert verdicts == ["rejected", "judged-negative", "rejected", "positive"]


def test_a_judged_negative_is_named_with_its_grade(tmp_path: Path) -> None:
    assert opinions("q1", tmp_path)["e"] == ("judged-negative", "judged not relevant (grade 0)")


def test_a_copy_of_a_positive_is_a_duplicate_even_where_it_was_judged_not_relevant(
    tmp_path: Path,
) -> None:
    assert opinions("q1", tmp_path)["b-copy"] == (
        "duplicate",
        "same-normalised-text: as positive b",
    )


def test_a_positive_of_another_query_that_asks_the_same_is_a_duplicate(tmp_path: Path) -> None:
    data = collection(
        {"a": "Of lift", "b": "of drag", "c": "of  LIFT", "d": "of nothing"},
        {"q1": "what is lift", "q2": "What is lift?", "q3": "what is drag", "q4": "", "q5": " "},
        [("q1", "a", 1), ("q2", "b", 1), ("q2", "c", 0), ("q3", "d", 1), ("q4", "d", 1),
         ("q5", "b", 1)],
    )  # fmt: skip
    rows = (
        data.queries.with_row_index("query")
        .select("query")
        .join(data.corpus.with_row_index("doc").select("doc"), how="cross")
        .join(data.judged, on=["query", "doc"], how="left", maintain_order="left")
    )
    opinion = Known().open(context(data, tmp_path)).judge(rows)
    named = data.ids_of(pl.concat([rows, opinion], how="horizontal"))
    reasons = {
        (query, doc): reason
        for query, doc, verdict, reason in named.select(
            "query_id", "doc_id", "verdict", "reason"
        ).iter_rows()
        if verdict == "duplicate"
    }
    assert reasons == {
        ("q1", "b"): "same-question: a positive of query q2, which asks the same",
        ("q1", "c"): "same-normalised-text: as positive a",
        ("q2", "a"): "same-question: a positive of query q1, which asks the same",
        ("q2", "c"): "same-question: a positive of query q1, which asks the same",
    }
    # A positive is such a copy only where another query that asks the same has it too.
    copies = named.filter(pl.col("same_text")).select("query_id", "doc_id").rows()
    assert sorted(copies) == sorted(reasons)


def test_a_document_that_is_the_query_itself_is_rejected(tmp_path: Path) -> None:
    assert opinions("q1", tmp_path)["d"] == (
        "rejected",
        "query-as-document: the text is the query itself",
    )


def test_the_query_itself_is_rejected_even_where_it_was_judged_not_relevant(tmp_path: Path) -> None:
    data = collection({"a": "query", "b": "other"}, {"q": "query"}, [("q", "a", 0), ("q", "b", 1)])
    rows = data.judged
    verdicts = Known().open(context(data, tmp_path)).judge(rows)["verdict"].to_list()
    assert verdicts == ["rejected", "positive"]


def test_a_positive_that_is_the_query_itself_stays_a_positive(tmp_path: Path) -> None:
    assert opinions("q2", tmp_path)["c"] == ("positive", "judged relevant (grade 1)")


def test_about_everything_else_nothing_is_known(tmp_path: Path) -> None:
    assert opinions("q1", tmp_path)["c"] == (None, None)


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    ruling = Known().open(context(DATA, tmp_path))
    assert ruling.judge(ALL.reverse()).reverse().equals(ruling.judge(ALL))


def test_of_two_positives_alike_the_lower_is_named(tmp_path: Path) -> None:
    data = collection(
        {"z": "same", "m": "same", "a": "same"},
        {"q": "query"},
        [("q", "z", 1), ("q", "m", 1)],
    )
    rows = pl.DataFrame({"query": [0, 0, 0], "doc": [0, 1, 2], "relevance": [None, 1, 1]}).cast(
        {"query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32}
    )
    assert Known().open(context(data, tmp_path)).judge(rows)["reason"][0] == (
        "same-text: as positive m"
    )

"""evaluate(): figures that agree with those measured otherwise, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import ir_measures
import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, InputError
from negatives.measure.evaluation import WithoutCopies, WithoutSelf
from negatives.opening import Context
from tests.build import collection
from tests.measure.ranked import rank

DOCS = {"d1": "wing flow", "d2": "wing", "d3": "heat flow", "d4": "shell"}
QUERIES = {"q1": "wing flow", "q2": "shell heat", "q3": "unjudged"}
DATA = collection(
    DOCS, QUERIES, [("q1", "d2", 2), ("q1", "d3", 0), ("q2", "d4", 1), ("q2", "d1", 0)]
)


@pytest.mark.slow
def test_the_built_in_encoder_scores_what_the_results_page_says() -> None:
    found = neg.evaluate("static", "cranfield", metrics=["nDCG@10"])
    assert found.figures["metrics"]["nDCG@10"]["value"] == pytest.approx(0.403, abs=0.0006)


@pytest.mark.slow
def test_figures_are_those_of_ir_measures_on_the_same_ranking(tmp_path: Path) -> None:
    data = neg.Collection.load("cranfield")
    ranking = rank("bm25", Context(collection=data, scratch=tmp_path), depth=50)
    run = [
        ir_measures.ScoredDoc(query, doc, -place)
        for query, doc, place in ranking.select("query_id", "doc_id", "rank").iter_rows()
    ]
    qrels = [ir_measures.Qrel(*row) for row in data.qrels.iter_rows()]
    names = ["nDCG@10", "RR@10", "R@100", "AP", "Success@1", "Rprec"]
    measures = [ir_measures.parse_measure(name) for name in names]
    theirs = ir_measures.calc_aggregate(measures, qrels, run)
    found = neg.evaluate("bm25", data, metrics=names, depth=50)
    for name, measure in zip(names, measures, strict=True):
        assert found.per_query[name].mean() == pytest.approx(theirs[measure], abs=1e-9), name


def test_an_evaluation_is_all_plain_values_and_a_table_by_query() -> None:
    found = neg.evaluate("bm25", DATA, metrics=["RR", "infAP"], condense=True, slices=True)
    figures = json.loads(json.dumps(found.figures))
    assert figures["queries"] == 2
    assert figures["queries left out"] == 1
    assert figures["positives"] == 2
    assert set(figures["metrics"]["RR"]) == {"value", "low", "high", "ceiling"}
    assert "ceiling" not in figures["metrics"]["infAP"]
    assert set(figures["condensed"]) == {"RR"}
    assert found.per_query.columns == [
        "query_id", "positives", "retrieved", "RR", "infAP", "RR condensed",
    ]  # fmt: skip
    assert set(found.slices["by"]) == {"words of the query", "positives of the query"}
    assert len(figures["slices"]) == len(found.slices)


def test_the_ceiling_is_what_the_lists_allow() -> None:
    found = neg.evaluate("bm25", DATA, metrics=["RR", "Success@1"], depth=1).figures["metrics"]
    assert found["RR"]["value"] <= found["RR"]["ceiling"] == 0.5


def test_a_query_that_found_nothing_is_counted() -> None:
    run = pl.DataFrame({"query_id": ["q1"], "doc_id": ["d2"], "score": [1.0]})
    found = neg.evaluate(run, DATA, metrics=["RR"])
    assert found.figures["queries that found nothing"] == 1
    assert found.figures["metrics"]["RR"]["value"] == 0.5


def test_a_document_of_the_query_s_own_id_shifts_the_ranks() -> None:
    data = collection({"a": "wing flow", "b": "wing"}, {"a": "wing flow"}, [("a", "b", 1)])
    plain = neg.evaluate("static", data, metrics=["RR"])
    without = neg.evaluate("static", data, metrics=["RR"], protocols=[WithoutSelf()])
    assert [each.figures["metrics"]["RR"]["value"] for each in (plain, without)] == [0.5, 1]


def test_a_copy_of_the_query_is_told_and_left_out_where_that_is_wanted() -> None:
    """Neither the query's own document, nor a copy that is judged relevant, is meant."""
    docs = {"a": "Wing flow", "b": "wing", "c": "wing flow!", "d": "heat", "e": "heat", "f": ""}
    queries = {"a": "wing flow", "q": "heat", "r": "Wing"}
    judged = [("a", "b", 1), ("q", "d", 1), ("r", "b", 1), ("r", "c", 0)]
    for identity, copies, values in (("text", 2, [1 / 3, 1]), ("id", 0, [1 / 3, 1 / 3])):
        data = replace(collection(docs, queries, judged), identity=identity)  # type: ignore[arg-type]
        run = pl.DataFrame(
            [("a", "a", 3.0), ("a", "c", 2.0), ("a", "b", 1.0), ("q", "d", 2.0), ("q", "e", 1.0),
             ("r", "b", 1.0)],
            schema=["query_id", "doc_id", "score"], orient="row",
        )  # fmt: skip
        for protocols, count in ((), copies), ([WithoutCopies()], 0):
            found = neg.evaluate(run, data, metrics=["RR"], protocols=protocols)
            assert found.figures["queries that find copies of themselves"] == count
            value = values[bool(protocols)]
            assert found.per_query["RR"].to_list() == pytest.approx([value, 1, 1])


@pytest.mark.slow
def test_figures_do_not_depend_on_threads_or_memory() -> None:
    one = neg.evaluate("static", "cranfield", threads=1, memory="16MB", slices=True)
    two = neg.evaluate("static", "cranfield", threads=2, slices=True)
    assert one.figures == two.figures
    assert one.per_query.equals(two.per_query)


@pytest.mark.slow
def test_two_evaluations_are_compared() -> None:
    left, right = (neg.evaluate(model, "cranfield") for model in ("bm25", "static"))
    found = left.against(right).as_dict()
    assert found["queries"] == 225
    assert found["difference"] == pytest.approx(0.1155, abs=0.001)
    assert found["p"] == 1 / 10_000
    assert found["low"] > 0


def test_own_slices_are_taken() -> None:
    parts = {"kind": pl.DataFrame({"query_id": ["q1", "q2"], "group": ["x", "y"]})}
    found = neg.evaluate("bm25", DATA, metrics=["RR"], slices=parts)
    assert found.slices.select("by", "group", "queries").rows() == [
        ("kind", "x", 1),
        ("kind", "y", 1),
    ]
    with pytest.raises(InputError, match="needs the columns query_id and group"):
        neg.evaluate("bm25", DATA, slices={"kind": pl.DataFrame({"query_id": ["q1"]})})


def test_a_collection_without_irrelevant_judgements_is_told() -> None:
    found = neg.evaluate("bm25", "cranfield", metrics=["Bpref"])
    assert any("nothing is judged irrelevant" in note for note in found.figures["notes"])
    assert not neg.evaluate("bm25", DATA, metrics=["Bpref"]).figures["notes"]


def test_nothing_to_find_is_an_error() -> None:
    with pytest.raises(DataError, match="no query has a positive: there is nothing to find"):
        neg.evaluate("bm25", collection(DOCS, QUERIES, [("q1", "d1", 0)]))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "value"), [("static", 0.403), ("bm25", 0.519)])
def test_models_score_what_the_page_of_encoders_says(model: str, value: float) -> None:
    found = neg.evaluate(model, "cranfield", metrics=["nDCG@10"])
    assert found.figures["metrics"]["nDCG@10"]["value"] == pytest.approx(value, abs=0.0006)

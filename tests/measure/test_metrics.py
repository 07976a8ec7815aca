"""Metrics against the ir-measures library, against worked numbers, and as a user names them."""

from __future__ import annotations

import math
from collections.abc import Callable

import ir_measures
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import InputError
from negatives.measure.ir_measures import IrMeasure
from negatives.measure.judged import Judged, condensed, judge_ranking, perfect
from negatives.measure.metrics import Metric, parse_metric, parse_metrics

NAMES = (
    "nDCG@3", "nDCG@10", "nDCG", "RR", "RR@2", "RR(rel=2)@5", "R@3", "R(rel=2)@4", "P@4", "AP",
    "AP@3", "AP(rel=2)", "Success@2", "Rprec", "Bpref", "Bpref(rel=2)", "Judged@4",
)  # fmt: skip


def frames(
    ranked: dict[str, list[str]], known: dict[str, dict[str, int]]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    ranking = pl.DataFrame(
        [(q, d, n) for q, docs in ranked.items() for n, d in enumerate(docs, 1)],
        schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32},
        orient="row",
    )
    qrels = pl.DataFrame(
        [(q, d, r) for q, docs in known.items() for d, r in docs.items()],
        schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32},
        orient="row",
    )
    return ranking, qrels, pl.Series(sorted(known), dtype=pl.String)


def value(name: str, relevance: list[int | None], others: tuple[int, ...] = ()) -> float:
    """Of one query whose list has these judgements (None: unjudged), with `others` not found."""
    known = {f"d{n}": r for n, r in enumerate(relevance) if r is not None}
    known |= {f"x{n}": r for n, r in enumerate(others)}
    return float(of(name, judged_list([f"d{n}" for n in range(len(relevance))], known))[0])


def judged_list(docs: list[str], known: dict[str, int]) -> Judged:
    return judge_ranking(*frames({"q": docs}, {"q": known}))


def of(name: str, judged: Judged) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    metric = parse_metric(name)
    assert isinstance(metric, Metric)
    return metric.of(judged)


def worth(known: dict[str, int]) -> Callable[[str], int]:
    return lambda doc: -known.get(doc, -1)


docs = st.sampled_from([f"d{n}" for n in range(12)])
some_runs = st.dictionaries(
    st.sampled_from("abcd"), st.lists(docs, unique=True, min_size=1, max_size=12), min_size=1
)
some_qrels = st.dictionaries(
    st.sampled_from("abcd"),
    st.dictionaries(docs, st.integers(0, 3), min_size=1, max_size=12),
    min_size=1,
)


@given(some_runs, some_qrels)
def test_every_metric_is_that_of_ir_measures(
    ranked: dict[str, list[str]], known: dict[str, dict[str, int]]
) -> None:
    judged = judge_ranking(*frames(ranked, known))
    run = {q: {d: -float(n) for n, d in enumerate(docs)} for q, docs in ranked.items()}
    measures = [ir_measures.parse_measure(name) for name in NAMES]
    theirs = {
        (m.query_id, str(m.measure)): m.value for m in ir_measures.iter_calc(measures, known, run)
    }
    for name, measure in zip(NAMES, measures, strict=True):
        for query, found in zip(judged.queries, of(name, judged), strict=True):
            assert found == pytest.approx(theirs.get((query, str(measure)), 0.0), abs=1e-9), name


@given(some_runs, some_qrels)
def test_condensed_lists_are_those_without_the_unjudged(
    ranked: dict[str, list[str]], known: dict[str, dict[str, int]]
) -> None:
    left = {q: [d for d in found if d in known.get(q, {})] for q, found in ranked.items()}
    fewer = judge_ranking(*frames(left, known))
    short = condensed(judge_ranking(*frames(ranked, known)))
    for name in NAMES:
        assert of(name, short) == pytest.approx(of(name, fewer))


@given(some_runs, some_qrels, st.integers(1, 12))
def test_the_ceiling_is_what_sorting_by_judgement_scores(
    ranked: dict[str, list[str]], known: dict[str, dict[str, int]], top: int
) -> None:
    judged = judge_ranking(*frames(ranked, known))
    best = {
        q: [*sorted(found[:top], key=worth(known.get(q, {}))), *found[top:]]
        for q, found in ranked.items()
    }
    for name in ("nDCG@3", "RR", "R(rel=2)@4", "AP", "Bpref", "Judged@4"):
        ceiling = of(name, perfect(judged, top))
        assert ceiling == pytest.approx(of(name, judge_ranking(*frames(best, known)))), name
    if top == 12:
        assert (of("nDCG@10", perfect(judged)) >= of("nDCG@10", judged) - 1e-12).all()


def test_gains_are_linear() -> None:
    assert value("nDCG@10", [0, 2, 1]) == pytest.approx(0.669672, abs=1e-6)
    assert value("nDCG@10", [2, 1, 0]) == 1
    assert value("nDCG@10", [1, 1, 1]) == 1


def test_average_precision_of_ranks_1_and_3_is_five_sixths() -> None:
    assert value("AP", [1, 0, 1]) == pytest.approx(0.833333, abs=1e-6)
    assert value("AP", [0, 1, 1, 0, 0, 0]) == pytest.approx(0.583333, abs=1e-6)


def test_rp_divides_by_what_could_be_found() -> None:
    found: list[int | None] = [1, 0, 1, 0, 0]
    assert [value(f"RP@{k}", found) for k in (1, 3, 5)] == [1, 1, 1]
    assert value("P@5", found) == 0.4
    assert value("RP@5", found, (1, 1, 1, 1, 1)) == 0.4


def test_an_unjudged_document_beyond_the_cutoff_changes_nothing() -> None:
    ten: list[int | None] = [0, 2, 1, *[None] * 7]
    assert value("nDCG@10", [*ten, None]) == value("nDCG@10", ten)


def test_a_query_that_retrieved_nothing_counts_0() -> None:
    judged = judge_ranking(*frames({"a": ["d"]}, {"a": {"d": 1}, "b": {"d": 1}}))
    for name in NAMES:
        if "rel=2" not in name:
            assert of(name, judged)[1] == 0
    assert of("RR", judged).tolist() == [1, 0]


def test_a_relevance_below_0_is_judged_and_not_relevant() -> None:
    assert value("nDCG@10", [-1, 1]) == pytest.approx(1 / math.log2(3))
    assert value("Judged@2", [-1, None]) == 0.5


def test_ir_measures_gives_what_is_not_built_in() -> None:
    metric = parse_metric("infAP")
    assert isinstance(metric, IrMeasure)
    ranking, qrels, queries = frames({"a": ["d1", "d2"]}, {"a": {"d2": 1}, "b": {"d1": 1}})
    assert metric.of_ranking(ranking, qrels, queries) == pytest.approx([0.5, 0], abs=1e-4)
    assert str(metric) == "infAP"


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_is_its_name(name: str) -> None:
    assert str(parse_metric(name)) == name


def test_a_metric_named_twice_is_one() -> None:
    assert [str(m) for m in parse_metrics(["AP", "R@5", "AP(rel=1)"])] == ["AP", "R@5"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nDGC@10", "there is no metric 'nDGC@10'\n  mend:  did you mean 'nDCG'?"),
        ("ndcg@10", "there is no metric 'ndcg@10'\n  mend:  did you mean 'nDCG@10'?"),
        ("R", "the metric 'R' lacks a cutoff\n  mend:  write R@10, say"),
        ("P@0", "a 0 in the metric 'P@0'\n  mend:  cutoffs and rel begin at 1"),
        ("Bpref@5", "the metric 'Bpref' has no cutoff\n  mend:  write Bpref"),
        ("nDCG(rel=2)", "the metric 'nDCG' takes no rel\n  mend:  leave it out"),
    ],
)
def test_a_wrong_name_is_answered_by_the_right_one(name: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_metric(name)
    assert str(error.value) == says


def test_a_metric_that_cannot_be_read_says_so() -> None:
    with pytest.raises(InputError, match="the metric 'nDCG@x' cannot be read"):
        parse_metric("nDCG@x")
    with pytest.raises(InputError, match="no metric is named"):
        parse_metrics([])

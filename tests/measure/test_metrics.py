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
from negatives.measure.judged import JudgedPairs, condensed, judge_ranking, perfect
from negatives.measure.metric_names import parse_metric, parse_metrics
from negatives.measure.metrics import Metric
from tests.each import for_each

NAMES = (
    "nDCG@3", "nDCG@10", "nDCG", "RR", "RR@2", "RR(rel=2)@5", "R@3", "R(rel=2)@4", "P@4", "AP",
    "AP@3", "AP(rel=2)", "Success@2", "Rprec", "Bpref", "Bpref(rel=2)", "Judged@4", "NumRet",
    "NumRelRet", "NumRelRet(rel=2)", "NumRel",
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


def judged_list(docs: list[str], known: dict[str, int]) -> JudgedPairs:
    return judge_ranking(*frames({"q": docs}, {"q": known}))


def of(name: str, judged: JudgedPairs) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    metric = parse_metric(name)
    assert isinstance(metric, Metric)
    return metric.of(judged)


def worth(known: dict[str, int]) -> Callable[[str], int]:
    return lambda doc: -max(-1, known.get(doc, -1))


docs = st.sampled_from([f"d{n}" for n in range(12)])
some_runs = st.dictionaries(
    st.sampled_from("abcd"), st.lists(docs, unique=True, min_size=1, max_size=12), min_size=1
)
some_qrels = st.dictionaries(
    st.sampled_from("abcd"),
    st.dictionaries(docs, st.integers(-2, 3), min_size=1, max_size=12),
    min_size=1,
)


@pytest.mark.slow
@given(some_runs, some_qrels)
def test_every_metric_is_that_of_ir_measures(
    ranked: dict[str, list[str]], known: dict[str, dict[str, int]]
) -> None:
    # pytrec_eval breaks off the process at a query of which nothing is judged.
    known = {q: grades for q, grades in known.items() if max(grades.values()) >= 0}
    judged = judge_ranking(*frames(ranked, known))
    run = {q: {d: -float(n) for n, d in enumerate(docs)} for q, docs in ranked.items()}
    measures = [ir_measures.parse_measure(name.replace("NumRelRet(", "NumRet(")) for name in NAMES]
    # To ir-measures a document of a grade below 0 is judged; to trec_eval, which it asks for
    # everything else, it is not.
    seen = {q: {d: r for d, r in grades.items() if r >= 0} for q, grades in known.items()}
    theirs = {
        (m.query_id, str(m.measure)): m.value
        for measure in measures
        for m in ir_measures.iter_calc([measure], seen if measure.NAME == "Judged" else known, run)
    }
    for name, measure in zip(NAMES, measures, strict=True):
        for query, found in zip(judged.queries, of(name, judged), strict=True):
            if name == "NumRel" and query not in ranked:
                continue  # 0 to ir-measures, though they are there to be found
            assert found == pytest.approx(theirs.get((query, str(measure)), 0.0), abs=1e-9), name


@pytest.mark.slow
@given(some_runs, some_qrels)
def test_condensed_lists_are_those_without_the_unjudged(
    ranked: dict[str, list[str]], known: dict[str, dict[str, int]]
) -> None:
    left = {
        q: [d for d in found if known.get(q, {}).get(d, -1) >= 0] for q, found in ranked.items()
    }
    fewer = judge_ranking(*frames(left, known))
    short = condensed(judge_ranking(*frames(ranked, known)))
    for name in NAMES:
        assert of(name, short) == pytest.approx(of(name, fewer))


@pytest.mark.slow
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
    exponential: list[int | None] = [
        2**grade - 1 for grade in (0, 2, 1)
    ]  # what other tools make of these grades
    assert value("nDCG@10", exponential) == pytest.approx(0.659002, abs=1e-6)
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
        if "rel=2" not in name and name != "NumRel":
            assert of(name, judged)[1] == 0
    assert of("RR", judged).tolist() == [1, 0]


def test_a_relevance_below_0_is_unjudged() -> None:
    assert value("nDCG@10", [-1, 1]) == pytest.approx(1 / math.log2(3))
    assert value("Judged@2", [-1, 0]) == 0.5
    assert value("Bpref", [-1, 1, 0]) == 1  # 0 were it judged irrelevant


@pytest.mark.slow
@given(st.lists(st.none() | st.integers(-1, 4), min_size=1, max_size=9), st.integers(1, 10))
def test_the_readers_of_err_rbp_and_accuracy_are_those_of_the_papers(
    grades: list[int | None], cutoff: int
) -> None:
    err, reading, rbp = 0.0, 1.0, 0.0
    for rank, grade in enumerate(grades[:cutoff], 1):
        satisfied = (2 ** max(0, grade or 0) - 1) / 16
        err += reading * satisfied / rank
        reading *= 1 - satisfied
        rbp += ((grade or 0) >= 2) * 0.3 * 0.7 ** (rank - 1)
    relevant = [(grade or 0) >= 1 for grade in grades[:cutoff]]
    pairs = [
        i < j
        for i, this in enumerate(relevant)
        for j, other in enumerate(relevant)
        if this and not other
    ]
    best = sum(pairs) / len(pairs) if pairs else float(any(relevant))
    assert value(f"ERR@{cutoff}", grades) == pytest.approx(err)
    assert value(f"RBP(rel=2,p=0.7)@{cutoff}", grades) == pytest.approx(rbp)
    assert value(f"Accuracy@{cutoff}", grades) == pytest.approx(best)


def test_exponential_gains_are_two_to_the_grade_less_one() -> None:
    best = 7 + 1 / math.log2(3)
    found = value("nDCG(dcg='exp-log2')@10", [1, None, 3])
    assert found == pytest.approx((1 + 7 / math.log2(4)) / best)


def test_err_of_a_grade_that_it_has_no_probability_for_is_refused() -> None:
    with pytest.raises(InputError) as error:
        value("ERR@10", [1, 5])
    assert str(error.value) == (
        "ERR takes grades of relevance up to 4: the judgements have 5\n"
        "  fix:   put the grades on a scale of 0 to 4, or name nDCG@10, which takes any"
    )


def test_inferred_ap_takes_a_relevance_below_0_for_pooled_and_unjudged() -> None:
    metric = parse_metric("infAP")
    assert isinstance(metric, IrMeasure)
    ranking, qrels, queries = frames({"q": ["a", "b", "c"]}, {"q": {"a": -1, "b": 1, "c": 0}})
    (found,) = metric.of_ranking(ranking, qrels, queries)
    assert found == pytest.approx(0.75, abs=1e-3)  # 0.5 were it judged irrelevant


def test_grades_that_trec_eval_would_count_for_ever_are_refused() -> None:
    metric = parse_metric("SetP")
    assert isinstance(metric, IrMeasure)
    frame = frames({"q": ["a"]}, {"q": {"a": 2_000_000_000}})
    with pytest.raises(InputError, match="SetP takes grades of relevance up to 10,000"):
        metric.of_ranking(*frame)


def test_whatever_ir_measures_raises_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise AssertionError

    metric = parse_metric("SetP")
    assert isinstance(metric, IrMeasure)
    monkeypatch.setattr("ir_measures.iter_calc", broken)
    with pytest.raises(InputError, match="SetP cannot be computed: ir-measures ended with Asserti"):
        metric.of_ranking(*frames({"q": ["a"]}, {"q": {"a": 1}}))


def test_ir_measures_gives_what_is_not_built_in() -> None:
    metric = parse_metric("infAP")
    assert isinstance(metric, IrMeasure)
    ranking, qrels, queries = frames({"a": ["d1", "d2"]}, {"a": {"d2": 1}, "b": {"d1": 1}})
    assert metric.of_ranking(ranking, qrels, queries) == pytest.approx([0.5, 0], abs=1e-4)
    assert str(metric) == "infAP"


MORE = (
    "ERR", "ERR@10", "nDCG(dcg='exp-log2')@10", "RBP(rel=1)", "RBP(rel=2,p=0.95)@20", "Accuracy@5",
    "NumQ", "SetF(beta=2.0)", "IPrec@0.1", "Compat(p=0.9)", "AP(judged_only=True)",
    "nDCG(gains={1:3})@10",
)  # fmt: skip


@for_each("name", NAMES + MORE)
def test_a_metric_is_its_name(name: str) -> None:
    assert str(parse_metric(name)) == name


def test_a_metric_named_twice_is_one() -> None:
    assert [str(m) for m in parse_metrics(["AP", "R@5", "AP(rel=1)"])] == ["AP", "R@5"]


@for_each(
    ("name", "says"),
    [
        ("nDGC@10", "there is no metric 'nDGC@10'\n  fix:   did you mean 'nDCG'?"),
        ("ndcg@10", "there is no metric 'ndcg@10'\n  fix:   did you mean 'nDCG@10'?"),
        ("R", "the metric 'R' lacks a cutoff\n  fix:   write R@10, say"),
        ("P@0", "a 0 in the metric 'P@0'\n  fix:   cutoffs and rel begin at 1"),
        ("Bpref@5", "the metric 'Bpref' has no cutoff\n  fix:   write Bpref"),
        ("nDCG(rel=2)", "the metric 'nDCG' takes no rel\n  fix:   leave it out"),
        ("Recall", "the metric 'Recall' lacks a cutoff\n  fix:   write Recall@10, say"),
        ("Precision", "the metric 'Precision' lacks a cutoff\n  fix:   write Precision@10, say"),
        ("ndcg_cut_10", "there is no metric 'ndcg_cut_10'\n  fix:   did you mean 'nDCG@10'?"),
        ("recip_rank", "there is no metric 'recip_rank'\n  fix:   did you mean 'RR'?"),
        ("mrr@10", "there is no metric 'mrr@10'\n  fix:   did you mean 'MRR@10'?"),
        ("hit_rate@5", "there is no metric 'hit_rate@5'\n  fix:   did you mean 'Success@5'?"),
        ("P(foo=1)@5", "the metric 'P' has no setting 'foo'\n  fix:   it has rel"),
        ("Rprec(foo=1)", "the metric 'Rprec' has no setting 'foo'\n  fix:   it has rel"),
        ("SetP(foo=1)", "the metric 'SetP(foo=1)' has no setting 'foo'\n  fix:   it has rel, "
         "relative, judged_only"),
        ("P(rel=1.5)@5", "1.5 in the metric 'P(rel=1.5)@5' is no whole number above 0\n"
         "  fix:   cutoffs and rel begin at 1"),
        ("SetP(rel='a')", "rel='a' in the metric \"SetP(rel='a')\"\n"
         "  fix:   give a whole number above 0"),
        ("RBP(rel=1,p=2)", "p=2 in the metric 'RBP(rel=1,p=2)'\n  fix:   give a share of 0 to 1"),
        ("RBP", "the metric 'RBP' lacks rel, the least grade that counts as relevant\n"
         "  fix:   write RBP(rel=1), say"),
        ("INST", "the metric 'INST' lacks max_rel (maximum relevance score)\n"
         "  fix:   write INST(max_rel=3), say"),
        ("NERR8", "the metric 'NERR8' lacks cutoff (ranking cutoff threshold), max_rel (maximum "
         "relevance score)\n  fix:   write NERR8(max_rel=3)@10, say"),
        ("IPrec", "the metric 'IPrec' lacks recall (recall threshold)\n"
         "  fix:   write IPrec@0.1, say"),
        ("IPrec@2", "recall=2.0 in the metric 'IPrec@2'\n  fix:   give a number of 0 to 1"),
        ("IPrec@0.125", "recall=0.125 in the metric 'IPrec@0.125' has more than two decimals\n"
         "  fix:   round it, as in IPrec@0.25"),
        ("alpha_nDCG@10", "the metric 'alpha_nDCG@10' needs judgements by subtopic, which are not "
         "read\n  fix:   name a metric of whole queries, such as nDCG@10"),
        ("RR(judged_only=True)@9", "the metric 'RR(judged_only=True)@9' with these settings is "
         "computed by no package that ir-measures knows\n"
         "  fix:   give other settings, or name another metric, such as nDCG@10"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_answered_by_the_right_one(name: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_metric(name)
    assert str(error.value) == says


def test_other_names_of_a_metric_are_understood() -> None:
    names = (
        "MAP",
        "MRR@10",
        "NDCG@5",
        "Recall@9",
        "Precision@2",
        "BPref",
        "NumRet(rel=1)",
        "IPrec@1",
    )
    found = ["AP", "RR@10", "nDCG@5", "R@9", "P@2", "Bpref", "NumRelRet", "IPrec@1.0"]
    assert [str(parse_metric(name)) for name in names] == found


@for_each(
    "text",
    ["nDCG@x", "nDCG@-1", "AP(rel=2", "((((", "AP(**{})", "AP(1)", "AP(rel=1,rel=2)", "", "@10",
     "AP(f())", "x" * 999, "P@1e3", "nDCG@9**9", "AP(rel=" + "(" * 150 + ")"],
)  # fmt: skip
def test_a_metric_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(InputError, match=r"the metric '.*' cannot be read"):
        parse_metric(text)


def test_every_name_that_ir_measures_knows_is_a_metric_or_an_answer_in_words() -> None:
    ranking, qrels, queries = frames({"q1": ["a", "b"]}, {"q1": {"a": 2, "b": 0}})
    told = []
    for name in ir_measures.measures.registry:
        for ending in ("", "@5", "(rel=1)", "(max_rel=3)@5", "(max_rel=3)", "(rel=9)@9", "(x=1)"):
            try:
                metric = parse_metric(name + ending)
                if isinstance(metric, IrMeasure):
                    assert np.isfinite(metric.of_ranking(ranking, qrels, queries)).all()
                else:
                    assert np.isfinite(metric.of(judge_ranking(ranking, qrels, queries))).all()
            except InputError as error:
                told.append(error.fix)
    assert len(told) > 100
    assert all(told)


def test_no_metric_is_an_error() -> None:
    with pytest.raises(InputError, match="no metric is named"):
        parse_metrics([])

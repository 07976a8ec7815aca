"""A run and a file of judgements alone give trec_eval's figures, with ties and grades below 0."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import ir_measures
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import DataError, InputError
from negatives.measure.evaluation import WithoutSelf
from negatives.opening import Context
from tests.build import collection
from tests.measure.ranked import rank

CASES = Path(__file__).parents[1] / "cases" / "ties"
NAMES = (
    "nDCG@3", "nDCG", "RR", "R@3", "P@4", "AP", "AP(rel=2)", "Success@2", "Rprec", "Bpref",
    "NumRet", "infAP", "SetP", "IPrec@0.5", "AP(judged_only=True)",
)  # fmt: skip
NEARLY = (1.0, 1.00000001, 0.99999999, 0.5, 0.0, -0.0, -3.0, 1e30, 1e39, 2e39)
"""To 32-bit floats the first three are one number, and so are the last two."""

documents = st.sampled_from(["d1", "d10", "d2", "D1", "é1", "z-9", "a", "Z", "d"])
runs = st.dictionaries(
    st.sampled_from("abc"),
    st.dictionaries(documents, st.sampled_from(NEARLY), min_size=1),
    min_size=1,
)
judgements = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(documents, st.integers(-2, 3)), min_size=1
)


def write(path: Path, lines: Iterable[object]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_run(run: dict[str, dict[str, float]], path: Path) -> Path:
    rows = [(q, d, score) for q, docs in run.items() for d, score in docs.items()]
    return write(path, (f"{q} Q0 {d} 0 {score!r} x" for q, d, score in rows))


@pytest.mark.slow
@given(runs, judgements)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_figures_of_a_run_are_those_of_trec_eval(
    tmp_path: Path, run: dict[str, dict[str, float]], known: dict[str, dict[str, int]]
) -> None:
    positive = {q: grades for q, grades in known.items() if max(grades.values(), default=0) > 0}
    if not positive.keys() & run.keys():
        return
    qrels = write(
        tmp_path / "qrels.txt",
        (f"{q} 0 {d} {grade}" for q, grades in known.items() for d, grade in grades.items()),
    )
    found = neg.evaluate(write_run(run, tmp_path / "a.run"), qrels, metrics=NAMES).per_query
    assert found["query_id"].to_list() == sorted(positive)
    for name in NAMES:
        measure = ir_measures.parse_measure(name)
        theirs = {m.query_id: m.value for m in ir_measures.iter_calc([measure], positive, run)}
        for query, value in found.select("query_id", str(measure)).iter_rows():
            assert value == pytest.approx(theirs[query], abs=1e-9), (name, query)


@pytest.mark.parametrize(
    ("run", "values", "tied"),
    [
        ("ties.trec", [1 / 6, 1 / 5, 1 / 4, 1 / 3], 24),
        ("ties2.trec", [1 / 3, 1 / 2, 1 / 4, 1 / 5], 12),
    ],
)  # fmt: skip
@pytest.mark.parametrize("data", ["beir", "beir/qrels/test.tsv"])
def test_ties_are_in_trec_evals_order_and_counted(
    run: str, values: list[float], tied: int, data: str
) -> None:
    found = neg.evaluate(CASES / run, CASES / data, metrics=["RR"])
    assert found.per_query["RR"].to_list() == pytest.approx(values)
    assert found.figures["tied"] == tied


def test_a_model_and_the_run_of_its_ranking_have_the_same_figures(tmp_path: Path) -> None:
    texts = {f"d{n}": ("wing flow", "heat flow", "shell")[n % 3] for n in range(12)}
    data = collection(texts, {"a": "flow", "b": "shell wing"}, [("a", "d4", 1), ("b", "d2", 2)])
    ranking = rank("bm25", Context(collection=data, scratch=tmp_path))
    scores = {
        q: dict(part.select("doc_id", "score").iter_rows())
        for (q,), part in ranking.group_by("query_id")
    }
    run = write_run({str(q): docs for q, docs in scores.items()}, tmp_path / "b.run")
    model, given = (neg.evaluate(each, data, metrics=["RR", "AP"]) for each in ("bm25", run))
    assert model.per_query.equals(given.per_query)
    assert model.figures["tied"] == given.figures["tied"] > 0


def test_what_a_run_and_its_judgements_lack_of_each_other_is_told(tmp_path: Path) -> None:
    run = write(tmp_path / "a.run", ["q1 Q0 d1 1 3 x", "q1 Q0 d2 2 2 x", "q7 Q0 d1 1 3 x"])
    head = "query-id\tcorpus-id\tscore"
    qrels = write(tmp_path / "q.tsv", [head, "q1\td2\t1", "q2\td1\t1", "q3\td1\t0", "q1\td9\t-1"])
    figures = neg.evaluate(run, qrels, metrics=["RR", "NumQ", "NumRel", "NumRet"]).figures
    assert figures["data"] == str(qrels)
    assert figures["documents"] is None
    assert figures["queries that found nothing"] == 1
    values = {name: row["value"] for name, row in figures["metrics"].items()}
    assert values == {"RR": 0.25, "NumQ": 2, "NumRel": 2, "NumRet": 2}
    assert isinstance(values["NumRet"], int)
    assert figures["notes"] == [
        "1 judgement is below 0: its document was pooled and not judged, so it counts as none",
        f"1 of the 2 queries of the run have no positive in {qrels}, such as 'q7': they do not "
        "count",
    ]


def test_ranks_that_say_another_order_than_the_scores_are_told(tmp_path: Path) -> None:
    qrels = write(tmp_path / "qrels.txt", ["q 0 a 1", "r 0 a 1"])
    distances = ["q Q0 a 1 0.1 x", "q Q0 b 2 0.2 x", "r Q0 b 1 0.3 x"]
    found = neg.evaluate(write(tmp_path / "a.run", distances), qrels, metrics=["RR"])
    assert found.per_query["RR"].to_list() == [0.5, 0]
    (note,) = found.figures["notes"]
    assert "the ranks in the run say another order than its scores for 1 of 2 queries" in note
    for rank_of_all in ("0", "1", "none"):
        lines = [f"q Q0 b {rank_of_all} 1 x", f"q Q0 a {rank_of_all} 3 x"]
        run = write(tmp_path / "b.run", lines)
        assert neg.evaluate(run, qrels, metrics=["RR"]).figures["notes"] == []


def test_a_few_documents_that_the_corpus_lacks_are_told_and_keep_their_ranks(
    tmp_path: Path,
) -> None:
    data = collection({"a": "one", "b": "two"}, {"q": "what"}, [("q", "a", 1)])
    run = write(tmp_path / "a.run", ["q Q0 gone 1 3 x", "q Q0 b 2 2 x", "q Q0 a 3 1 x"])
    found = neg.evaluate(run, data, metrics=["RR", "SetP"])
    assert found.per_query.select("RR", "SetP").row(0) == pytest.approx((1 / 3, 1 / 3))
    assert found.figures["notes"] == [
        "1 of the 3 documents of the run are not in the corpus, such as 'gone': they count as not "
        "relevant"
    ]


@pytest.mark.parametrize(
    ("qrels", "says"),
    [
        (["q 0 a 1", "q 0 a 0"], "1 pair is judged twice, and differently: query 'q', document "),
        (
            ["q 0 a 1", "q 0 b"],
            r"expected 4 columns \(query iteration document relevance\), found 3",
        ),
        (["q 0 a 0"], "no query has a positive"),
        (["x 0 a 1"], "no query of the run has a positive in"),
    ],
)
def test_wrong_judgements_are_refused(tmp_path: Path, qrels: list[str], says: str) -> None:
    run = write(tmp_path / "a.run", ["q Q0 a 1 3 x"])
    with pytest.raises(DataError, match=says):
        neg.evaluate(run, write(tmp_path / "qrels.txt", qrels))


def test_judgements_alone_have_no_texts_to_slice_by(tmp_path: Path) -> None:
    run, qrels = write(tmp_path / "r", ["q Q0 a 1 3 x"]), write(tmp_path / "qrels", ["q 0 a 1"])
    with pytest.raises(InputError, match="judgements alone have none"):
        neg.evaluate(run, qrels, slices=True)
    with pytest.raises(InputError, match="which only a TREC run can be measured by: bm25 is no"):
        neg.evaluate("bm25", qrels)
    found = neg.evaluate(run, qrels, metrics=["RR"], protocols=[WithoutSelf()])
    assert found.figures["metrics"]["RR"]["value"] == 1


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("q", "a", 1.0), ("q", "a", 2.0)], "a document twice for one query in 2 rows"),
        ([("q", "a", float("nan"))], "no finite score in 1 rows, the first 0: query 'q'"),
        ([("q", None, 1.0)], "no id in 1 rows"),
    ],
)  # fmt: skip
def test_a_ranking_made_in_python_is_checked(rows: list[tuple[object, ...]], says: str) -> None:
    data = collection({"a": "one"}, {"q": "what"}, [("q", "a", 1)])
    schema = {"query_id": pl.String, "doc_id": pl.String, "score": pl.Float64}
    with pytest.raises(DataError, match=says):
        neg.evaluate(pl.DataFrame(rows, schema=schema, orient="row"), data)

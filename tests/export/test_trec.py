"""TREC runs and qrels, read by ir_measures."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.api import Run
from negatives.errors import InputError
from negatives.export.blocks import NEGATIVES, ExportBlock, empty_block
from negatives.export.trec import run_lines
from negatives.run.reviews import Verdict, append_reviews
from negatives.schema import Collection
from tests.build import collection
from tests.export.made import finished_run

ir_measures = pytest.importorskip("ir_measures")


@pytest.fixture
def plain(tmp_path: Path) -> Run:
    """Two queries: one whose negatives are out of order and tied, one without scores."""
    data = collection(
        {f"d{number}": f"text {number}" for number in range(6)},
        {"q1": "one", "q2": "two"},
        [("q1", "d0", 3), ("q1", "d5", 0), ("q2", "d1", 1)],
    )
    scores = {("q1", "d2"): 1.0, ("q1", "d3"): 4.5, ("q1", "d4"): 4.5}
    return finished_run(
        tmp_path / "run", data, {"q1": ["d2", "d4", "d3"], "q2": ["d0", "d5"]}, scores
    )


def test_ranks_follow_the_scores_and_no_two_scores_are_equal(plain: Run, tmp_path: Path) -> None:
    assert plain.export(tmp_path / "r.trec", format="trec-run") == 5
    assert (tmp_path / "r.trec").read_text() == (
        "q1 Q0 d4 1 4.5 negatives\n"
        "q1 Q0 d3 2 4.4999995 negatives\n"
        "q1 Q0 d2 3 1.0 negatives\n"
        "q2 Q0 d0 1 2.0 negatives\n"
        "q2 Q0 d5 2 1.0 negatives\n"
    )


def test_qrels_hold_what_is_known(plain: Run, tmp_path: Path) -> None:
    assert plain.export(tmp_path / "j.qrels", format="qrels") == 3
    assert (tmp_path / "j.qrels").read_text() == "q1 0 d0 3\nq1 0 d5 0\nq2 0 d1 1\n"


def test_qrels_hold_mined_negatives_as_zero_where_asked(plain: Run, tmp_path: Path) -> None:
    assert plain.export(tmp_path / "j.qrels", format="qrels", mined="zero") == 8
    judged = list(ir_measures.read_trec_qrels(str(tmp_path / "j.qrels")))
    assert {(q.query_id, q.doc_id) for q in judged if q.relevance == 0} == {
        ("q1", "d2"),
        ("q1", "d3"),
        ("q1", "d4"),
        ("q1", "d5"),
        ("q2", "d0"),
        ("q2", "d5"),
    }


def test_qrels_hold_what_people_said_where_asked_and_no_more_than_the_collection_says(
    plain: Run, tmp_path: Path
) -> None:
    said = [("q1", "d2", "relevant"), ("q1", "d3", "partly"), ("q2", "d0", "not"),
            ("q1", "d0", "not"), ("q2", "d5", "unsure")]  # fmt: skip
    append_reviews(
        plain.path,
        [Verdict(query_id=query, doc_id=doc, verdict=word) for query, doc, word in said],  # type: ignore[arg-type]
    )
    out = tmp_path / "q.qrels"
    plain.export(out, format="qrels", reviews=True)
    assert out.read_text("utf-8").splitlines() == [
        "q1 0 d0 3", "q1 0 d2 2", "q1 0 d3 1", "q1 0 d5 0", "q2 0 d0 0", "q2 0 d1 1",
    ]  # fmt: skip
    plain.export(tmp_path / "without.qrels", format="qrels")
    assert len((tmp_path / "without.qrels").read_text("utf-8").splitlines()) == 3
    with pytest.raises(InputError, match="reviews is for the format qrels"):
        plain.export(tmp_path / "x.trec", format="trec-run", reviews=True)


def test_negatives_as_a_run_find_nothing_relevant(cranfield: Run, tmp_path: Path) -> None:
    cranfield.export(tmp_path / "r.trec", format="trec-run")
    cranfield.export(tmp_path / "j.qrels", format="qrels")
    found = ir_measures.calc_aggregate(
        [ir_measures.P @ 5, ir_measures.Judged @ 5],
        ir_measures.read_trec_qrels(str(tmp_path / "j.qrels")),
        ir_measures.read_trec_run(str(tmp_path / "r.trec")),
    )
    assert list(found.values()) == [0.0, 0.0]


@pytest.mark.slow
def test_negatives_written_as_zero_are_judged(cranfield: Run, tmp_path: Path) -> None:
    cranfield.export(tmp_path / "r.run", format="trec-run")
    cranfield.export(tmp_path / "j.txt", format="qrels", mined="zero")
    judged = ir_measures.Judged @ 5
    found = ir_measures.calc_aggregate(
        [judged],
        ir_measures.read_trec_qrels(str(tmp_path / "j.txt")),
        ir_measures.read_trec_run(str(tmp_path / "r.run")),
    )
    assert found[judged] == 1.0


def test_an_id_with_white_space_is_refused_by_name(tmp_path: Path) -> None:
    data = collection({"a": "x", "b c": "y"}, {"q": "z"}, [("q", "a", 1)])
    run = finished_run(tmp_path / "run", data, {"q": ["b c"]})
    with pytest.raises(InputError) as refusal:
        run.export(tmp_path / "r.trec", format="trec-run")
    assert str(refusal.value) == (
        "TREC files cannot hold a doc_id with white space: 'b c'\n"
        "  fix:   give these other ids, or choose another format"
    )
    assert not (tmp_path / "r.trec").exists()
    assert run.export(tmp_path / "t.csv", format="triplet", ids=True) == 1


def test_qrels_need_the_judgements_but_a_run_file_needs_no_data(
    tmp_path: Path, data: Collection
) -> None:
    finished_run(tmp_path / "run", data, {"q1": ["d3"]})
    assert Run(tmp_path / "run").export(tmp_path / "r.trec", format="trec-run") == 1
    with pytest.raises(InputError, match="made from a collection in memory"):
        Run(tmp_path / "run").export(tmp_path / "j.qrels", format="qrels")


floats = st.floats(-(2.0**99), 2.0**99, width=32)


@pytest.mark.slow
@given(st.lists(st.one_of(st.sampled_from([0.0, -0.0, 1.5, -2.5]), floats), max_size=20))
def test_written_scores_fall_strictly_and_least(scores: list[float]) -> None:
    """The oracle lowers one score after the other; the kernel does all at once."""
    rows = {
        "query_id": ["q"] * len(scores),
        "doc_id": [f"d{place}" for place in range(len(scores))],
        "score": scores,
        "hardness": [None] * len(scores),
        "p_relevant": [None] * len(scores),
    }
    negatives = pl.DataFrame(rows, schema=dict(NEGATIVES))
    written = run_lines(ExportBlock(empty_block().positives, negatives), None)["score"]  # type: ignore[arg-type]
    expected: list[np.float32] = []
    for score in sorted(np.array(scores, np.float32), reverse=True):
        least = np.nextafter(expected[-1], np.float32(-np.inf)) if expected else score
        expected.append(min(score, least))
    assert written.to_list() == expected
    assert all(high > low for high, low in itertools.pairwise(written.to_list()))

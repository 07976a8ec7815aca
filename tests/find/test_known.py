"""Candidates that came with the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from negatives.find.candidates import COLUMNS
from negatives.find.known import Given, Judged
from tests.build import collection, context

DATA = collection(
    {"d1": "one", "d2": "two", "d3": "three", "d4": "four"},
    {"q1": "first", "q2": "second", "q3": "third"},
    [("q1", "d1", 1), ("q1", "d3", 0), ("q1", "d2", -1), ("q3", "d4", 0), ("q2", "d1", 1)],
    given=[("q2", "d4"), ("q1", "d4"), ("q2", "d2")],
)
ALL = np.arange(3, dtype=np.uint32)


def test_given_negatives_are_proposed_in_document_order(tmp_path: Path) -> None:
    found = Given().open(context(DATA, tmp_path)).propose(ALL, {})
    assert found.schema == COLUMNS
    assert found.rows() == [(0, 3, 1, None), (1, 1, 1, None), (1, 3, 2, None)]


def test_judged_negatives_are_those_of_grade_zero_and_not_below(tmp_path: Path) -> None:
    found = Judged().open(context(DATA, tmp_path)).propose(ALL, {})
    assert found.rows() == [(0, 2, 1, None), (2, 3, 1, None)]


def test_only_the_queries_asked_for_are_answered(tmp_path: Path) -> None:
    found = Given().open(context(DATA, tmp_path)).propose(ALL[:1], {})
    assert found.rows() == [(0, 3, 1, None)]


def test_they_score_no_pair(tmp_path: Path) -> None:
    proposer = Given().open(context(DATA, tmp_path))
    assert proposer.score(ALL, ALL) is None
    assert not Given().scores_pairs


def test_nothing_given_is_nothing_proposed(tmp_path: Path) -> None:
    data = collection({"d1": "one"}, {"q1": "first"}, [("q1", "d1", 1)])
    assert Given().open(context(data, tmp_path)).propose(ALL[:1], {}).is_empty()

"""Labels of steps by a reference: the page's numbers, and gsm8k's own solutions."""

from __future__ import annotations

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import NegativesError
from negatives.learn.steps.reference_labels import (
    _alike,
    _words,
    aggregate,
    aligned,
    labelled,
    labelled_row,
)
from negatives.read import load

STEPS = [
    "In April 48 clips were sold",
    "In May it was half of that, 48 / 2 = 24 clips",
    "Together 48 + 24 = 72",
]


@pytest.mark.method("spare")
def test_a_copy_is_right_step_by_step_and_a_changed_number_is_where_it_begins() -> None:
    told = labelled(STEPS, STEPS)
    assert [(each.reference, each.right) for each in told] == [(1, True), (2, True), (3, True)]
    for at, changed in (
        (1, "In May it was half of that, 48 / 2 = 26 clips"),
        (2, "Together that is 71"),
    ):
        steps = [*STEPS[:at], changed, *STEPS[at + 1 :]]
        labels = [each.right for each in labelled(steps, STEPS)]
        assert labels.index(False) == at


def test_another_way_to_the_answer_is_wrong_by_its_own_equations_alone() -> None:
    other = ["A dozen dozens make 12 * 12 = 144", "Half of these: 144 / 2 = 72"]
    told = labelled(other, ["Something else entirely happened, namely 5"])
    assert [(each.reference, each.right) for each in told] == [(0, True), (0, True)]
    assert not labelled(["7 x 8 = 54"], ["nothing"])[0].right
    assert labelled(["1 + 7 * 8 = 57"], ["nothing"])[0].right, "of longer sums nothing is said"
    assert not labelled(["it is 5 / 0 = 3"], ["nothing"])[0].right


WORD = st.sampled_from("abc")
STEP = st.lists(WORD, min_size=1, max_size=3).map(" ".join)


@given(st.lists(STEP, min_size=1, max_size=4), st.lists(STEP, min_size=1, max_size=4))
def test_no_alignment_in_order_is_more_alike(steps: list[str], reference: list[str]) -> None:
    def like(i: int, place: int) -> float:
        if not place:
            return 0.0
        found = _alike(_words(steps[i]), _words(reference[place - 1]))
        return found if found >= 0.3 else float("-inf")

    def total(places: tuple[int, ...]) -> float:
        some = [place for place in places if place]
        rises = all(a < b for a, b in pairwise(some))
        return sum(map(like, range(len(places)), places)) if rises else float("-inf")

    every = product(range(len(reference) + 1), repeat=len(steps))
    assert total(tuple(aligned(steps, reference))) == pytest.approx(max(map(total, every)))


def test_scores_of_steps_make_one_of_the_solution() -> None:
    values = np.array([0.9, 0.8, 0.4])
    found = {how: aggregate(values, how) for how in ("min", "product", "mean", "last")}
    assert found == pytest.approx({"min": 0.4, "product": 0.288, "mean": 0.7, "last": 0.4})
    with pytest.raises(NegativesError, match="no steps"):
        aggregate(np.array([]), "min")
    with pytest.raises(NegativesError, match="put together by 'most'"):
        aggregate(values, "most")  # type: ignore[arg-type]
    for steps in ([], [" "]):
        with pytest.raises(NegativesError, match="some are empty"):
            labelled(steps, ["a"])


def test_what_is_labelled_is_read_with_its_first_wrong_step(tmp_path: Path) -> None:
    row = labelled_row("How many?", [STEPS[0], "48 / 2 = 26 clips in May", STEPS[2]], STEPS)
    assert row["labels"] == [True, False, True]
    path = tmp_path / "steps.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf-8")
    found = load(path)
    assert found.corpus["wrong_from"].to_list() == [2]
    assert found.judged["relevance"].to_list() == [0]

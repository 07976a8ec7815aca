"""Choosers of training examples: what each of them takes, and that it hangs on ids alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from negatives.arrays import Places
from negatives.batch.examples import Examples
from negatives.choose.chooser import Chooser, Pool
from negatives.choose.hard_but_learned import median_of_learned
from negatives.choose.ifd import FollowingDifficulty, difficulty
from negatives.choose.learning_curves import ByLearningCurve, curves, wins
from negatives.choose.not_naive import NotNaive
from negatives.choose.quality_rule import QualityRule, fitted
from negatives.choose.self_filtered import SelfFiltered
from negatives.choose.subsets import InformativeExamples, OneByOneExamples
from negatives.choose.teacher_and_student import TeacherAndStudent
from negatives.errors import DataError, RecipeError
from negatives.events import silent
from negatives.kinds import KINDS
from negatives.machine import MODEST
from negatives.stage import build
from tests.batch.made import clustered


def pool(made: Examples, order: Places | None = None, wrong: int = 0) -> Pool:
    """Examples with ids, the rows in another order if one is given; the first have a wrong one."""
    rows = np.arange(len(made)) if order is None else order
    assert made.query_vectors is not None
    assert made.doc_vectors is not None
    vectors = made.query_vectors(), made.doc_vectors()
    docs = made.docs.copy()
    docs[:wrong, 0] = docs[:wrong, 0][::-1]
    ids = pl.DataFrame(
        {
            "query_id": [f"q{row:03}" for row in rows],
            "doc_id": [f"d{docs[row, 0]:03}" for row in rows],
        }
    )
    return Pool(
        examples=replace(made, query=made.query[rows], docs=docs[rows]),
        pairs=ids,
        query_texts=lambda asked: [f"what is {rows[row]} like" for row in asked],
        doc_texts=lambda asked: [f"a text of {rows[row]}, " * (1 + rows[row] % 3) for row in asked],
        query_field=lambda name: pl.Series([f"{name} {row % 3}" for row in rows]),
        encoded=lambda encoder: vectors,
        scratch=Path(),
    )


def ids_of(chooser: Chooser, made: Pool) -> list[str]:
    rows, _ = chooser.choose(made, chooser.budget(len(made)))
    return [str(made.pairs["query_id"][int(row)]) for row in rows]


def choosers(**settings: Any) -> list[Chooser]:
    """One of each kind, but for the one that needs a language model."""
    kinds = [kind for kind in KINDS["choose"] if kind != "ifd"]
    made = [build("choose", {"kind": kind, **settings}) for kind in kinds]
    assert all(isinstance(each, Chooser) for each in made)
    return [each for each in made if isinstance(each, Chooser)]


def test_each_takes_so_many_different_examples_whatever_the_order_of_rows() -> None:
    made = clustered(60, 5)
    shuffled = np.random.default_rng(0).permutation(60)
    for chooser in choosers(count=12):
        first = ids_of(chooser, pool(made))
        assert len(first) == len({*first}) == 12, chooser.kind
        assert first == ids_of(chooser, pool(made)), chooser.kind
        if chooser.kind != "quality-rule":  # whose indicators differ in the last digit
            assert first == ids_of(chooser, pool(made, shuffled)), chooser.kind
    assert choosers(share=0.25)[0].budget(60) == 15
    assert choosers(count=99)[0].budget(60) == 60


def test_topics_are_covered_by_what_adds_most_and_by_what_is_farthest() -> None:
    made = pool(clustered(100, 5, noise=0.1))
    for chooser in (
        InformativeExamples(count=5, topics=5, nearest=1),
        OneByOneExamples(count=5, options=100),
    ):
        assert {int(each[1:]) % 5 for each in ids_of(chooser, made)} == set(range(5)), chooser


@pytest.mark.recipe("filtered-self-improvement")
@pytest.mark.recipe("web-instance-selection")
@pytest.mark.recipe("impossible-distillation")
def test_wrong_pairs_are_left_out_by_students_and_teachers() -> None:
    made = pool(clustered(100, 20, noise=0.1), wrong=20)
    wrong = {f"q{row:03}" for row in range(20)}
    for chooser in (
        SelfFiltered(count=60, within=5),
        TeacherAndStudent(count=40),
        build("choose", {"kind": "hard-but-learned", "count": 40, "within": 5, "epochs": 1}),
    ):
        assert isinstance(chooser, Chooser)
        chosen = {*ids_of(chooser, made)}
        assert len(chosen & wrong) / len(chosen) <= 0.1, chooser.kind


@pytest.mark.recipe("naive-samples")
def test_what_a_student_knows_by_heart_is_taken_last() -> None:
    made = pool(clustered(64, 50, noise=0.3))  # where two are of one topic, neither is easy
    rows, told = NotNaive(count=64, floor=0.3).choose(made, 64)
    assert len(rows) == 64
    assert 0 < told["naive"] < 64
    few, _ = NotNaive(count=5, floor=1e-9).choose(made, 5)
    assert few.tolist() == made.shuffled("not-naive/draw")[:5].tolist(), "none is: by chance"


@pytest.mark.recipe("judging-budget-allocation")
@pytest.mark.recipe("difficult-replay")
def test_an_easy_group_gets_less_of_the_budget_than_one_that_still_learns() -> None:
    level, power = np.array([0.1, 2.0]), np.array([0.5, 0.5])
    place = np.arange(1.0, 31.0)
    value = np.concatenate([wins(level[g], power[g], place, 1.0) for g in (0, 1)])
    taken = np.argsort(-value, kind="stable")[:30] // 30
    assert taken.sum() > 20
    # One by one, which is what the sort stands for.
    given = [1.0, 1.0]
    for _ in range(30):
        win = [float(wins(level[g], power[g], np.array(given[g]), 1.0)) for g in (0, 1)]
        given[int(np.argmax(win))] += 1
    assert given[1] - 1 == taken.sum()
    sizes = np.array([[10.0, 0], [100, 0], [1000, 0]])
    _, power = curves(sizes, np.column_stack([3 * sizes[:, 0] ** -0.5, [np.nan] * 3]))
    assert power == pytest.approx([0.5, 0.5]), "what was not measured has the curve of all"
    _, told = ByLearningCurve(count=9, by="type").choose(pool(clustered(60, 5)), 9)
    assert [*told["groups"]] == ["type 0", "type 1", "type 2"]


@pytest.mark.recipe("instructmining")
def test_a_rule_without_noise_is_recovered_and_a_constant_ranks_nothing_anew() -> None:
    sets = np.random.default_rng(0).normal(size=(50, 3))
    slopes = np.array([0.5, -2.0, 0.0])
    found = fitted(sets, 1.5 + sets @ slopes, 1e-12)
    assert found.slopes == pytest.approx(slopes, abs=1e-6)
    assert found.intercept == pytest.approx(1.5, abs=1e-6)
    assert found.explained == pytest.approx(1.0)
    moved = fitted(sets, 9.0 + sets @ slopes, 1e-12)
    assert moved.slopes == pytest.approx(found.slopes)
    twice = fitted(np.column_stack([sets, sets[:, 0]]), sets @ slopes, 1e-3)
    assert np.isfinite(twice.slopes).all(), "a ridge bears a column that is there twice"


def test_a_rule_tells_what_it_goes_by() -> None:
    _, told = QualityRule(count=20, sets=20).choose(pool(clustered(200, 10)), 20)
    assert {"cosine", "lexical_diversity"} <= {*told["coefficients"]}
    assert 0 <= told["explained"] <= 1


@pytest.mark.recipe("salt")
@pytest.mark.recipe("ifd")
def test_the_worked_numbers_of_salt_and_of_ifd() -> None:
    losses = np.array([[0.1, 2, 0.5, 3, 1.0]])
    mask = np.array([[True, True, False, False, True]])
    assert median_of_learned(losses, mask) == pytest.approx([0.1])
    assert median_of_learned(losses, np.ones_like(mask)) == pytest.approx([1.0])
    assert difficulty(1.2, 2.0) == pytest.approx(0.449329, abs=1e-6)
    assert difficulty(1.3, 1.3) == 1.0


def test_soft_labels_of_salt_are_the_divergence_and_the_teachers_entropy() -> None:
    torch = pytest.importorskip("torch")
    from negatives.learn.distil import KL

    teacher, student = torch.tensor([[2.0, 0, 0]]), torch.tensor([[0.0, 1, 0]])
    loss = KL(hard_share=0.5).of(student, torch.ones(1, 3, dtype=torch.bool), teacher)
    shares = teacher.softmax(-1)
    entropy = -(shares * shares.log()).sum()
    assert float(loss + 0.5 * entropy) == pytest.approx(1.498191, abs=1e-5)


@pytest.mark.slow
def test_a_query_that_does_not_help_is_never_chosen(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tests.models.tiny_lm import tiny_llama

    made = replace(pool(clustered(12, 3)), scratch=tmp_path)
    chooser = FollowingDifficulty(model=tiny_llama(), count=12, shortest=1)
    value = chooser.difficulties(made)
    assert np.isfinite(value).all()
    helped = {f"q{row:03}" for row in np.flatnonzero(value < 1)}
    if helped:
        assert {*ids_of(chooser, made)} == helped
    none = FollowingDifficulty(model=chooser.model, count=3, shortest=999)
    with pytest.raises(DataError, match="no query makes its positive more probable"):
        ids_of(none, made)


def test_without_vectors_a_chooser_that_needs_them_says_so() -> None:
    made = replace(pool(clustered(10, 2)), encoded=None)
    with pytest.raises(RecipeError, match="needs vectors of their texts"):
        ids_of(TeacherAndStudent(count=3), made)


def test_a_teacher_that_is_not_there_is_missed_before_any_work() -> None:
    with pytest.raises(DataError, match="the teacher cannot be used") as caught:
        TeacherAndStudent(teacher="nowhere/at-all").ready(MODEST, silent)
    assert "--set choose.teacher=MODEL" in str(caught.value)
    TeacherAndStudent().ready(MODEST, silent)
    NotNaive().ready(MODEST, silent)

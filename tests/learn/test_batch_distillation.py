"""Losses that copy teachers over the whole batch: graded lists, and two teachers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from negatives.errors import RecipeError
from negatives.learn.dual_teacher import DualTeacher
from negatives.learn.margin_mse import MarginMSE
from negatives.learn.wasserstein import Wasserstein, distance
from tests.learn.batches import drawn, scored
from tests.learn.lists import table

WEIGHTS = [math.e**3, math.e**2, math.e, *[1.0] * 5]
"""A list of grades 3, 2, 1 and 0, beside four documents of another query."""


# SyCL


def test_the_same_points_are_no_distance_apart_in_any_order() -> None:
    points = torch.randn(6, 9, generator=torch.Generator().manual_seed(0)).double().softmax(-1)
    assert abs(distance(points, points).item()) < 1e-9
    assert abs(distance(points, points.flip(0)).item()) < 1e-9


@pytest.mark.recipe("sycl")
def test_the_distance_of_sycl() -> None:
    left = table([2.0, 1.0, 0.0], [0.0, 1.0, 2.0]).softmax(-1)
    right = table([3.0, 2.0, 1.0], [3.0, 2.0, 1.0]).softmax(-1)
    assert distance(left, right).item() == pytest.approx(0.496300, abs=1e-6)


def test_one_point_against_the_same_shares_is_no_distance() -> None:
    left, right = table([2.0, 1.0, 0.0]).softmax(-1), table([3.0, 2.0, 1.0]).softmax(-1)
    assert distance(left, right).item() == pytest.approx(0.0)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 12))
@settings(max_examples=30)
def test_the_distance_is_that_of_the_covariances_eigenvalues(seed: int, n: int, dim: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    left, right = torch.randn(2, n, dim, generator=generator, dtype=torch.float64).softmax(-1)
    roots = torch.linalg.eigvals(left.T.cov() @ right.T.cov()).sqrt().real
    trace = left.T.cov().trace() + right.T.cov().trace() - 2 * roots.sum()
    apart = ((left.mean(0) - right.mean(0)) ** 2).sum() + trace
    assert distance(left, right).item() == pytest.approx(apart.item(), abs=1e-6)


def test_foreign_documents_have_grade_0_and_keep_their_share() -> None:
    grades = table([3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 1.0, 0.0])
    own = [3.0, 2.0, 1.0, 0.0]
    foreign = [0.0] * 4
    batch = scored([own + foreign, foreign + own], 4, grades)
    assert Wasserstein().open()(batch).tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    shares = [weight / sum(WEIGHTS) for weight in WEIGHTS]
    assert shares == pytest.approx([0.570727, 0.209959, 0.077240, *[0.028415] * 5], abs=1e-6)


def test_foreign_documents_are_no_better_than_a_list_s_worst_whose_grades_are_logits() -> None:
    batch, loss = drawn(5, 3, 3), Wasserstein().open()
    grades = table([5.0, 1.0, 0.0], [3.0, 0.0, 2.0], [0.0, 1.0, 2.0])
    lower = grades - table([9.0], [4.0], [2.5])
    expected = loss(replace(batch, labels=grades)).tolist()
    assert loss(replace(batch, labels=lower)).tolist() == pytest.approx(expected)


def test_the_distance_does_not_know_whose_a_point_is_but_knows_the_order_of_a_list() -> None:
    own, foreign = [3.0, 2.0, 1.0, 0.0], [0.0] * 4
    loss = Wasserstein().open()
    swapped = scored([foreign + own, own + foreign], 4, table(own, own))
    assert loss(swapped)[0].item() == pytest.approx(0.0, abs=1e-9)
    reversed_ = scored([own + foreign, foreign + own], 4, table(own, own[::-1]))
    assert loss(reversed_)[0].item() > 0.05


def test_a_document_known_to_be_relevant_or_absent_has_no_share_elsewhere() -> None:
    batch = drawn(3, 3, 2)
    present = batch.present.clone()
    present[2, 1] = False
    relevant = batch.relevant.clone()
    relevant[0, 4] = True
    changed = replace(batch, present=present, relevant=relevant)
    docs = batch.docs.clone()
    docs[2, 1] += 50.0
    before = Wasserstein().open()(changed)
    assert Wasserstein().open()(replace(changed, docs=docs)).tolist() == before.tolist()
    assert Wasserstein().open()(batch).tolist() != before.tolist()


def test_the_slope_of_the_distance_is_that_of_finite_differences() -> None:
    batch = drawn(1, 3, 2)

    def loss(docs: Tensor) -> Tensor:
        return Wasserstein().open()(replace(batch, docs=docs)).mean()

    assert torch.autograd.gradcheck(loss, (batch.docs.requires_grad_(),), atol=1e-5)


@pytest.mark.parametrize("high", [0.0, 1e4])
@pytest.mark.parametrize("n", [1, 3])
def test_the_slope_of_the_distance_is_a_number_where_scores_do_not_differ(
    n: int, high: float
) -> None:
    batch = scored(torch.full((n, 2 * n), high).tolist(), 2, torch.ones(n, 2).double())
    batch.docs.requires_grad_()
    loss = Wasserstein().open()(batch)
    assert loss.isfinite().all()
    loss.mean().backward()
    assert batch.docs.grad is not None
    assert batch.docs.grad.isfinite().all()


# TAS-Balanced


@pytest.mark.recipe("tas-balanced")
def test_the_in_batch_margins_of_tas_balanced() -> None:
    student, guide = [[5.0, 2.0], [1.0, 4.0]], [[6.0, 1.0], [0.0, 5.0]]
    batch = replace(scored(student, 1, table([0.0], [0.0])), guide=scored(guide, 1))
    assert DualTeacher(in_batch=1.0).open()(batch).tolist() == [4.0, 4.0]


def test_a_student_that_says_what_both_teachers_say_has_nothing_to_learn() -> None:
    batch = drawn(0, 3, 3)
    own = torch.stack([batch.docs[row] @ batch.queries[row] for row in range(3)])
    loss = DualTeacher().open()(replace(batch, labels=own + 7.0, guide=batch))
    assert loss.tolist() == pytest.approx([0.0] * 3)


def test_without_the_batch_two_teachers_are_one() -> None:
    batch = drawn(0, 3, 3)
    loss = DualTeacher(in_batch=0.0).open()(replace(batch, guide=drawn(1, 3, 3)))
    assert loss.tolist() == MarginMSE().open()(batch).tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=25)
def test_two_teachers_teach_the_margins_that_loops_find(seed: int, n: int, width: int) -> None:
    batch = drawn(seed, n, width)
    present = torch.rand(n, width, generator=torch.Generator().manual_seed(seed)) < 0.7
    present[:, 0] = True
    guide = drawn(seed + 1, n, width)
    batch = replace(batch, present=present, guide=guide)
    own = MarginMSE().open()(batch).tolist()
    s, t = batch.queries @ batch.pool().T, guide.queries @ guide.pool().T
    expected = []
    for i in range(n):
        positives: list[float] = []
        negatives: list[float] = []
        for j in range(n):
            for c in range(width):
                if j != i and present[j, c]:
                    margin = s[i, i * width] - s[i, j * width + c]
                    wanted = t[i, i * width] - t[i, j * width + c]
                    (negatives if c else positives).append((margin - wanted).item() ** 2)
        means = [sum(part) / len(part) if part else 0.0 for part in (positives, negatives)]
        expected.append(own[i] + 0.75 * (means[0] if width == 1 else sum(means) / 2))
    assert DualTeacher().open()(batch).tolist() == pytest.approx(expected, abs=1e-9)


def test_each_teacher_that_is_missing_is_named() -> None:
    batch = drawn(0, 2, 2)
    with pytest.raises(RecipeError, match="no guide"):
        DualTeacher().open()(batch)
    for loss in (DualTeacher(), Wasserstein()):
        with pytest.raises(RecipeError) as error:
            loss.open()(replace(batch, labels=None, guide=batch))
        assert "train.labels" in error.value.fix

"""Losses of single documents: dice, pointwise, and the joint loss of a reranker."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from torch import Tensor

from negatives.errors import RecipeError
from negatives.learn.dice import Dice
from negatives.learn.pairwise_listwise import PairwiseListwise
from negatives.learn.pointwise import Pointwise
from tests.learn.lists import lists, logits, of, slope, table

# Dice


@pytest.mark.recipe("dice-loss")
@pytest.mark.parametrize(("p", "expected"), [(0.1, 0.8182), (0.5, 0.3333), (0.9, 0.0526)])
def test_the_dice_loss_of_a_positive(p: float, expected: float) -> None:
    assert of(Dice(alpha=0.0, smooth=1e-9), logits([p])) == [pytest.approx(expected, abs=1e-4)]


def test_the_dice_loss_of_a_list() -> None:
    assert of(Dice(alpha=0.0, over="list"), logits([0.9, 0.2, 0.1])) == [pytest.approx(0.125)]


def test_with_a_large_alpha_a_hard_negative_is_worth_no_more_than_an_easy_one() -> None:
    for p in (0.9, 0.1):
        loss = of(Dice(alpha=1.0, target="labels"), logits([p]), table([0.0]))
        assert loss == [pytest.approx(0.082569, abs=1e-6)]


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0])
def test_a_positive_is_best_short_of_certainty(alpha: float) -> None:
    grid = torch.arange(1, 2000, dtype=torch.float64) / 2000
    best = of(Dice(alpha=alpha), torch.logit(grid).unsqueeze(-1))
    assert grid[int(torch.tensor(best).argmin())].item() == pytest.approx(
        1 / (1 + alpha), abs=0.0006
    )


def test_the_higher_of_two_negatives_moves_more() -> None:
    moved = slope(Dice(alpha=0.0, over="list"), logits([0.9, 0.5, 0.01]))
    assert moved[0, 1] > moved[0, 2] > 0


def test_nothing_is_lost_on_a_list_that_is_right() -> None:
    for loss in (Dice(alpha=0.0), Dice(alpha=0.0, over="list")):
        assert of(loss, table([50.0, -50.0, -50.0])) == [pytest.approx(0.0)]


@pytest.mark.parametrize(("ratio", "kept"), [(0.5, 1), (1.0, 2), (1.9, 3), (2.0, 4), (9.0, 4)])
def test_only_the_highest_negatives_count_where_few_are_asked_for(ratio: float, kept: int) -> None:
    scores = table([5.0, 1.0, 4.0, 2.0, 3.0, 0.0])
    labels = table([1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    counted = Dice(negatives_per_positive=ratio).counted(
        scores, labels > 0, torch.ones(1, 6).bool()
    )
    order = [0, 5, 2, 4, 3, 1]  # the positives, then the negatives from the highest on
    assert set(counted.nonzero()[:, 1].tolist()) == set(order[: 2 + kept])


@pytest.mark.slow
@pytest.mark.parametrize("denominator", ["plain", "squared"])
@pytest.mark.parametrize("over", ["document", "list"])
@given(made=lists())
def test_dice_is_one_minus_tversky_s_ratio(
    over: Any, denominator: Any, made: tuple[Tensor, Tensor, Tensor]
) -> None:
    scores, present, labels = made
    loss = Dice(
        alpha=0.3, smooth=0.5, over=over, denominator=denominator, target="labels",
        false_positives=0.7,
    )  # fmt: skip
    power = 2 if denominator == "squared" else 1
    expected = []
    for s, there, z in zip(scores.tolist(), present.tolist(), labels.tolist(), strict=True):
        pairs = []
        for score, here, grade in zip(s, there, z, strict=True):
            p = 1 / (1 + math.exp(-score))
            if here:
                pairs.append(((1 - p) ** 0.3 * p, float(grade > 0)))
        groups = [pairs] if over == "list" else [[pair] for pair in pairs]
        ratios = []
        for group in groups:
            true = sum(p * y for p, y in group)
            false = sum(p**power for p, _ in group) - true
            missed = sum(y for _, y in group) - true
            ratios.append((true + 0.25) / (true + 0.7 * false + 0.3 * missed + 0.25))
        expected.append(1 - sum(ratios) / len(ratios))
    found = loss.of(scores, present, labels).tolist()
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@given(made=lists())
def test_dice_is_between_0_and_1(made: tuple[Tensor, Tensor, Tensor]) -> None:
    scores, present, labels = made
    for loss in (Dice(target="labels"), Dice(target="labels", over="list")):
        found = loss.of(scores, present, labels)
        assert ((found >= 0) & (found <= 1)).all()


# Pointwise


@pytest.mark.slow
@given(made=lists())
def test_pointwise_is_the_mean_over_documents(made: tuple[Tensor, Tensor, Tensor]) -> None:
    scores, present, labels = made
    labels = labels.clamp(min=0.0)
    cross = Pointwise(target="labels", top_grade=5.0, positive_weight=3.0)
    squared = Pointwise(target="labels", error="squared", top_grade=5.0)
    expected, errors = [], []
    for s, there, z in zip(scores.tolist(), present.tolist(), labels.tolist(), strict=True):
        here = [(s[j], z[j] / 5) for j in range(len(s)) if there[j]]
        sigmoids = [(1 / (1 + math.exp(-score)), y) for score, y in here]
        terms = [-3 * y * math.log(p) - (1 - y) * math.log(1 - p) for p, y in sigmoids]
        expected.append(sum(terms) / len(terms))
        errors.append(sum((score - y) ** 2 for score, y in here) / len(here))
    assert cross.of(scores, present, labels).tolist() == pytest.approx(expected, abs=1e-9)
    assert squared.of(scores, present, labels).tolist() == pytest.approx(errors, abs=1e-9)


def test_pointwise_is_the_usual_binary_cross_entropy() -> None:
    scores = table([2.0, -1.0, 0.5])
    usual = torch.nn.functional.binary_cross_entropy_with_logits(
        scores, table([1.0, 0.0, 0.0]), pos_weight=torch.tensor(2.0)
    )
    assert of(Pointwise(positive_weight=2.0), scores) == [pytest.approx(usual.item())]


@pytest.mark.parametrize("label", [3.0, -1.0])
def test_grades_that_are_no_probabilities_are_refused(label: float) -> None:
    with pytest.raises(RecipeError) as error:
        of(Pointwise(target="labels"), table([2.0, 1.0]), table([label, 0.0]))
    assert "top_grade" in error.value.fix
    assert f"{label:g}" in error.value.what


# The joint loss of a reranker


def test_the_joint_loss_asks_for_the_positive_the_hardest_negative_and_the_list() -> None:
    scores = table([1.0, -1.0, 0.5])
    yes, no = math.log1p(math.exp(-1.0)), math.log1p(math.exp(0.5))
    found = -scores.log_softmax(-1)[0, 0].item()
    assert of(PairwiseListwise(), scores) == [pytest.approx(yes + no + found)]


def test_the_joint_loss_vanishes_where_the_reranker_is_sure_and_right() -> None:
    assert of(PairwiseListwise(), table([90.0, -90.0, -80.0])) == [pytest.approx(0.0)]

"""Losses of the order of a list: numbers worked by hand, naive oracles, other implementations."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from torch import Tensor

from negatives.learn.lambda_rank import LambdaRank
from negatives.learn.loss import ListLoss
from negatives.learn.rank_hinge import RankHinge
from negatives.learn.softmax_list import SoftmaxList
from tests.learn.lists import lists, of, slope, table

# ADORE

ADORE = LambdaRank(metric="mrr", target="labels")


@pytest.mark.recipe("adore")
def test_the_lists_of_adore() -> None:
    scores, positive = table([3.0, 2.0, 1.0]), table([0.0, 1.0, 0.0])
    assert of(ADORE, scores, positive) == [pytest.approx(0.354421, abs=1e-6)]
    cut = LambdaRank(metric="mrr", cut=1, target="labels")
    assert of(cut, scores, positive) == [pytest.approx(0.656631, abs=1e-6)]


def test_a_positive_that_was_not_retrieved_is_last() -> None:
    scores, positive = table([3.0, 2.0, 1.0, 0.5]), table([0.0, 0.0, 0.0, 1.0])
    assert of(ADORE, scores, positive) == [pytest.approx(0.813565, abs=1e-6)]


@pytest.mark.parametrize("metric", ["mrr", "ndcg"])
def test_a_positive_far_above_all_others_leaves_nothing_to_learn(metric: Any) -> None:
    assert of(LambdaRank(metric=metric), table([60.0, 0.0, 1.0])) == [pytest.approx(0.0)]


def test_a_list_of_equal_grades_has_no_pairs() -> None:
    assert of(LambdaRank(target="labels"), table([3.0, 1.0]), table([2.0, 2.0])) == [0.0]


def test_a_mistake_at_the_top_moves_scores_most() -> None:
    moved = slope(ADORE, table([3.0, 2.0, 1.0, 0.0]), table([0.0, 0.0, 1.0, 0.0]))
    assert moved[0, 0] > moved[0, 1] > 0 > moved[0, 2]


def test_only_the_differences_of_gains_to_the_best_count_however_high_the_grades() -> None:
    scores, grades = table([3.0, 2.0, 1.0]), table([1e4, 0.0, 9e3])
    low = of(LambdaRank(target="labels"), scores, table([90.0, 0.0, 1.0]))
    assert of(LambdaRank(target="labels"), scores, grades) == pytest.approx(low)


@pytest.mark.slow
@given(made=lists())
def test_lambda_rank_weighs_each_pair_by_the_change_of_the_metric(
    made: tuple[Tensor, Tensor, Tensor],
) -> None:
    scores, present, labels = made
    scores = scores + torch.arange(scores.shape[1]) * 1e-4  # no ties
    for loss, cut in itertools.product(("mrr", "ndcg"), (0, 2)):
        ours = LambdaRank(metric=loss, cut=cut, target="labels")  # type: ignore[arg-type]
        expected = []
        for s, there, t in zip(scores.tolist(), present.tolist(), labels.tolist(), strict=True):
            here = [j for j in range(len(s)) if there[j]]
            rank = {j: 1 + sum(s[i] > s[j] for i in here) for j in here}

            def discount(r: int, loss: str = loss, cut: int = cut) -> float:
                if cut and r > cut:
                    return 0.0
                return 1 / r if loss == "mrr" else 1 / math.log2(1 + r)

            gain = {j: 2 ** max(t[j], 0.0) - 1 for j in here}
            best = sorted(gain.values(), reverse=True)
            ideal = sum(g * discount(r) for r, g in enumerate(best, 1)) or 1.0
            terms = []
            for i, j in itertools.permutations(here, 2):
                if t[i] > t[j]:
                    change = abs(discount(rank[i]) - discount(rank[j]))
                    if loss == "ndcg":
                        change *= abs(gain[i] - gain[j]) / ideal
                    terms.append(change * math.log1p(math.exp(s[j] - s[i])))
            expected.append(sum(terms) / len(terms) if terms else 0.0)
        assert ours.of(scores, present, labels).tolist() == pytest.approx(expected, abs=1e-9)


# Calibration sets


@pytest.mark.recipe("calibration-sets")
def test_the_margins_of_calibration_sets() -> None:
    loss, ranked = RankHinge(margin=0.001), table([3.0, 2.0, 1.0])
    assert of(loss, table([-0.010, -0.011, -0.015]), ranked) == [pytest.approx(0.0)]
    assert of(loss, table([-0.011, -0.010, -0.015]), ranked) == [pytest.approx(0.001)]


def test_the_margin_grows_with_the_distance_in_rank() -> None:
    assert of(RankHinge(margin=1.0), table([0.0, 0.0, 0.0]), table([3.0, 2.0, 1.0])) == [3.0]


def test_documents_of_equal_labels_share_a_rank() -> None:
    assert of(RankHinge(margin=1.0), table([0.0, 9.0, 0.0]), table([3.0, 1.0, 1.0])) == [5.5]


@given(made=lists())
def test_rank_hinge_is_a_sum_over_distances_of_means_over_pairs(
    made: tuple[Tensor, Tensor, Tensor],
) -> None:
    scores, present, labels = made
    expected = []
    for s, there, z in zip(scores.tolist(), present.tolist(), labels.tolist(), strict=True):
        here = [j for j in range(len(s)) if there[j]]
        rank = {j: sum(z[i] > z[j] for i in here) for j in here}
        gaps: dict[int, list[float]] = {}
        for i, j in itertools.permutations(here, 2):
            if (gap := rank[j] - rank[i]) > 0:
                gaps.setdefault(gap, []).append(max(0.0, s[j] - s[i] + 0.5 * gap))
        expected.append(sum(sum(terms) / len(terms) for terms in gaps.values()))
    ours = RankHinge(margin=0.5).of(scores, present, labels)
    assert ours.tolist() == pytest.approx(expected, abs=1e-9)


# The softmax of a list


def test_positives_share_evenly_or_by_their_grades() -> None:
    scores, loss = table([1.0, 0.5, 0.0]), SoftmaxList(target="shares")
    first, second, _ = (-scores.log_softmax(-1))[0].tolist()
    assert of(SoftmaxList(), scores) == [pytest.approx(first)]
    assert of(loss, scores, table([1.0, 1.0, 0.0])) == [pytest.approx((first + second) / 2)]
    assert of(loss, scores, table([3.0, 1.0, -2.0])) == [pytest.approx(0.75 * first + second / 4)]


def test_a_list_without_anything_relevant_says_nothing() -> None:
    assert of(SoftmaxList(target="shares"), table([1.0, 2.0]), table([0.0, 0.0])) == [0.0]


# The same losses of sentence-transformers


class Scorer:
    """Stands where their losses expect a cross-encoder: gives known scores, in order."""

    num_labels = 1
    device = torch.device("cpu")

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores

    def preprocess(self, pairs: list[Any], **_: Any) -> dict[str, Tensor]:
        return {"at": torch.tensor([int(query) * 100 + int(doc) for query, doc in pairs])}

    def __call__(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        at = features["at"]
        return {"scores": self.scores[at // 100, at % 100]}


def theirs(loss: type, scores: Tensor, labels: Tensor, **options: Any) -> float:
    made = loss(Scorer(scores), **options)
    n, m = scores.shape
    texts = [[str(row) for row in range(n)], [[str(doc) for doc in range(m)]] * n]
    return float(made(texts, list(labels)))


@pytest.mark.slow
@given(made=lists())
def test_lists_are_those_of_sentence_transformers(made: tuple[Tensor, Tensor, Tensor]) -> None:
    from sentence_transformers.cross_encoder import losses

    scores, _, labels = made
    scores, labels = scores + torch.arange(scores.shape[1]) / 16, labels.clamp(min=0.0)
    ours: ListLoss = SoftmaxList(target="softmax")
    net = theirs(losses.ListNetLoss, scores, labels)
    assert sum(of(ours, scores, labels)) / len(scores) == pytest.approx(net, abs=1e-5)
    ours = LambdaRank(target="labels")
    for row in range(len(scores)):  # theirs is a mean over the pairs of all rows
        one, grades = scores[row : row + 1], labels[row : row + 1]
        if len(set(grades[0].tolist())) > 1:
            options = {
                "weighting_scheme": losses.LambdaRankScheme(),
                "reduction_log": "natural",
            }
            expected = theirs(losses.LambdaLoss, one, grades, **options)
            assert of(ours, one, grades) == [pytest.approx(expected, rel=1e-4, abs=1e-6)]

"""Losses that copy a teacher: numbers worked by hand, naive oracles, and other implementations."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from negatives.learn.adversarial import Adversarial
from negatives.learn.distil import JS, KL
from negatives.learn.margin_mse import MarginMSE
from negatives.learn.softmax_list import SoftmaxList
from tests.learn.lists import lists, of, slope, table

JUDGE, STUDENT = table([0.9, 0.8, 0.1]), table([0.7, 0.75, 0.3])


# MarginMSE (GPL)


@pytest.mark.recipe("gpl")
def test_the_margins_of_gpl() -> None:
    assert of(MarginMSE(), table([4.0, 1.5]), table([9.0, 3.0])) == [12.25]


def test_a_constant_added_to_either_side_changes_no_margin() -> None:
    assert of(MarginMSE(), table([14.0, 11.5]), table([2.0, -4.0])) == [12.25]


def test_a_negative_that_is_the_positive_has_no_margin_to_learn() -> None:
    assert of(MarginMSE(), table([0.3, 0.3]), table([7.0, 7.0])) == [0.0]


def test_a_false_negative_is_moved_up() -> None:
    moved = -slope(MarginMSE(), table([1.0, 1.0]), table([3.0, 3.5]))
    assert moved[0, 1] > 0 > moved[0, 0]


def test_labels_may_be_margins_with_the_positive_at_0() -> None:
    scores, teacher = table([4.0, 1.5, 1.0]), table([9.0, 3.0, -2.0])
    margins = teacher - teacher[:, :1]
    assert of(MarginMSE(), scores, margins) == of(MarginMSE(), scores, teacher)


def test_a_teacher_s_temperature_keeps_sign_and_order_of_margins() -> None:
    assert of(MarginMSE(teacher_temperature=12.0), table([0.5, 0.0]), table([9.0, 3.0])) == [0.0]


@given(made=lists())
def test_margin_mse_is_the_mean_of_squared_errors_of_margins(
    made: tuple[Tensor, Tensor, Tensor],
) -> None:
    scores, present, labels = made
    expected = []
    for s, there, z in zip(scores.tolist(), present.tolist(), labels.tolist(), strict=True):
        errors = [
            ((s[0] - s[j]) - (z[0] - z[j])) ** 2 for j in range(1, len(s)) if there[0] and there[j]
        ]
        expected.append(sum(errors) / len(errors) if errors else 0.0)
    assert MarginMSE().of(scores, present, labels).tolist() == pytest.approx(expected)


# Divergences (UniME-V2, LG-ANNA)


@pytest.mark.recipe("unime-v2")
@pytest.mark.parametrize(("temperature", "expected"), [(0.02, 3.440434), (0.1, 0.275226)])
def test_the_alignment_of_unime(temperature: float, expected: float) -> None:
    loss = KL(direction="symmetric", teacher_temperature=temperature)
    assert of(loss, STUDENT / temperature, JUDGE) == [pytest.approx(expected, abs=1e-6)]


def test_the_alignment_of_unime_does_not_know_who_teaches() -> None:
    loss = KL(direction="symmetric")
    assert of(loss, STUDENT, JUDGE) == pytest.approx(of(loss, JUDGE, STUDENT))
    assert of(JS(), STUDENT, JUDGE) == pytest.approx(of(JS(), JUDGE, STUDENT))


@pytest.mark.recipe("lg-anna")
def test_the_soft_labels_of_lg_anna() -> None:
    loss = KL(teacher_temperature=0.1)
    scores = table([0.8, 0.7, 0.2]) / 0.05
    assert of(loss, scores, table([0.9, 0.6, 0.1])) == [pytest.approx(0.031894, abs=1e-6)]


def test_hard_labels_alone_are_the_cross_entropy_of_the_positive() -> None:
    assert of(KL(hard_share=1.0), STUDENT, JUDGE) == of(SoftmaxList(), STUDENT)


def test_hard_labels_count_also_for_documents_that_the_teacher_has_not_scored() -> None:
    nothing = torch.full_like(JUDGE, float("nan"))
    expected = [each / 2 for each in of(SoftmaxList(), STUDENT)]
    assert of(KL(hard_share=0.5), STUDENT, nothing) == expected


def test_lists_without_anything_in_common_are_log_2_apart() -> None:
    assert of(JS(), table([1e4, 0.0]), table([0.0, 1e4])) == [pytest.approx(math.log(2))]


@pytest.mark.parametrize("loss", [KL(), KL(direction="reverse"), KL(direction="symmetric"), JS()])
@settings(max_examples=30)
@given(made=lists())
def test_divergences_are_what_their_sums_say(
    loss: KL | JS, made: tuple[Tensor, Tensor, Tensor]
) -> None:
    scores, present, labels = made

    def shares(row: list[float], there: list[bool]) -> list[float]:
        raised = [math.exp(s) for s, here in zip(row, there, strict=True) if here]
        return [each / sum(raised) for each in raised]

    def kl(p: list[float], q: list[float]) -> float:
        return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))

    expected = []
    for s, there, z in zip(scores.tolist(), present.tolist(), labels.tolist(), strict=True):
        p, q = shares(z, there), shares(s, there)
        middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
        both = {"forward": kl(p, q), "reverse": kl(q, p), "symmetric": (kl(p, q) + kl(q, p)) / 2}
        apart = (kl(p, middle) + kl(q, middle)) / 2
        expected.append(both[loss.direction] if isinstance(loss, KL) else apart)
    assert loss.of(scores, present, labels).tolist() == pytest.approx(expected, abs=1e-9)
    assert all(each <= math.log(2) + 1e-12 for each in JS().of(scores, present, labels).tolist())


# AR2

LOGITS, RETRIEVER = table([2.0, 1.0, 0.0]), table([1.0, 1.0, 0.0])


@pytest.mark.recipe("mmgeolm")
def test_the_list_of_mmgeolm() -> None:
    assert of(SoftmaxList(), table([2.0, 1.0, 0.0, 1.0])) == [pytest.approx(0.626523, abs=1e-6)]
    assert of(SoftmaxList(), table([0.3] * 4)) == [pytest.approx(math.log(4))]
    assert of(SoftmaxList(), table([0.3])) == [0.0]


@pytest.mark.recipe("ar2")
def test_the_two_parts_of_ar2() -> None:
    assert of(Adversarial(share=0.0), RETRIEVER, LOGITS) == [pytest.approx(0.952025, abs=1e-6)]
    assert of(Adversarial(share=1.0), RETRIEVER, LOGITS) == [pytest.approx(1.103859, abs=1e-6)]
    of_positive = math.log(0.5) * RETRIEVER.log_softmax(-1)[0, 0].item()  # the first reward
    assert of(Adversarial(share=1.0), RETRIEVER, LOGITS)[0] - of_positive == pytest.approx(
        0.506369, abs=1e-6
    )
    assert of(KL(), RETRIEVER, LOGITS) == [pytest.approx(0.119630, abs=1e-6)]
    assert of(SoftmaxList(), LOGITS) == [pytest.approx(0.407606, abs=1e-6)]


def test_the_slope_of_ar2_raises_the_positive_and_lowers_what_fools_least() -> None:
    moved = slope(Adversarial(share=1.0), RETRIEVER, LOGITS)
    assert moved[0].tolist() == pytest.approx([-0.2145, 0.1654, 0.0492], abs=1e-4)
    rewards = torch.nn.functional.logsigmoid(LOGITS[:, :1] - LOGITS)
    identity = rewards - RETRIEVER.softmax(-1) * rewards.sum()
    assert moved.tolist() == [pytest.approx(identity[0].tolist())]


def test_distillation_stands_still_only_where_both_agree() -> None:
    assert slope(Adversarial(share=0.0), LOGITS + 3.0, LOGITS).abs().max() < 1e-12
    assert slope(Adversarial(share=0.0), RETRIEVER, LOGITS).abs().max() > 0.1


# The same losses of sentence-transformers


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=15)
def test_margins_and_divergences_are_those_of_sentence_transformers(seed: int, k: int) -> None:
    from sentence_transformers.sentence_transformer import losses as theirs

    generator = torch.Generator().manual_seed(seed)
    queries, *docs = torch.randn(2 + k, 3, 4, generator=generator, dtype=torch.float64)
    labels = torch.randn(3, 1 + k, generator=generator, dtype=torch.float64)
    scores = torch.stack([(queries * doc).sum(-1) for doc in docs], dim=1)
    columns = [queries, *docs]
    margin = theirs.MarginMSELoss(None).compute_loss_from_embeddings(columns, labels)
    ours = of(MarginMSE(), scores, labels)
    assert sum(ours) / 3 == pytest.approx(margin.item())
    distil = theirs.DistillKLDivLoss(None, student_temperature=0.5, teacher_temperature=2.0)
    ours = of(KL(teacher_temperature=2.0), scores / 0.5, labels)
    assert sum(ours) / 3 * 0.5**2 == pytest.approx(
        distil.compute_loss_from_embeddings(columns, labels).item()
    )

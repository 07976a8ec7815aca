"""The contrastive core: a positive against the log of the sum of its negatives."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from negatives.learn.contrast import (
    against,
    joined,
    leave_out,
    log_sum,
    lowest,
    mean_by_row,
    weigh,
)
from tests.learn.encodings import plain

logit = st.floats(-20, 20)


def of(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(positive=logit, negatives=st.lists(logit, max_size=6))
def test_the_loss_is_the_cross_entropy_of_the_positive(
    positive: float, negatives: list[float]
) -> None:
    found = against(of(positive), log_sum(of(*negatives).unsqueeze(0)))
    assert float(found) == pytest.approx(plain(positive, negatives), abs=1e-12)


def test_clip_of_two_orthogonal_pairs() -> None:
    logits = leave_out(torch.eye(2).double(), torch.eye(2).bool())
    losses = against(of(1, 1), log_sum(logits))
    assert losses.tolist() == pytest.approx([0.313262] * 2, abs=1e-6)


def test_a_pair_left_out_is_worth_nothing_rather_than_exp_0() -> None:
    masked = leave_out(of(-3, 0), torch.tensor([False, True]))
    assert float(log_sum(masked)) == -3


def test_nothing_left_to_contrast_costs_nothing_and_has_no_gradient() -> None:
    logits, positive = of(5, 7).requires_grad_(), of(-100.0).requires_grad_()
    loss = against(positive, log_sum(leave_out(logits * 1, torch.ones(2).bool())).unsqueeze(0))
    loss.sum().backward()
    assert loss.tolist() == [0]
    assert logits.grad is not None
    assert positive.grad is not None
    assert logits.grad.tolist() == [0, 0]
    assert positive.grad.tolist() == [0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_of_any_size_are_safe(dtype: torch.dtype) -> None:
    positive = torch.tensor([1e4, -1e4, 0.0], dtype=dtype, requires_grad=True)
    logits = torch.tensor([[-1e4, -1e4], [1e4, 1e4], [0.0, 1e4]], dtype=dtype, requires_grad=True)
    loss = against(positive, log_sum(logits))
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([0, 2e4 + math.log(2), 1e4], rel=1e-6)
    assert positive.grad is not None
    assert positive.grad.tolist() == [0, -1, -1]


def test_a_weight_of_two_is_the_same_as_being_there_twice() -> None:
    twice = weigh(of(0.3, 0.9), of(math.log(2), 0))
    assert float(log_sum(twice)) == pytest.approx(float(log_sum(of(0.3, 0.3, 0.9))))


def test_a_weight_of_0_leaves_out_even_when_all_have_it() -> None:
    logits = of(0.3, 0.9).requires_grad_()
    found = log_sum(weigh(logits * 1, of(-math.inf, -math.inf)))
    loss = against(of(0), found.unsqueeze(0))
    assert loss.tolist() == [0]
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert gradient.tolist() == [0, 0]


def test_minus_log_q_makes_the_sampled_sum_that_of_all() -> None:
    everything = of(0.1, 0.5, -0.7, 2.0)
    chance = of(0.4, 0.3, 0.2, 0.1)  # of one draw
    expected = sum(
        float(p * log_sum(weigh(everything[[i]], -chance[[i]].log())).exp())
        for i, p in enumerate(chance)
    )
    assert expected == pytest.approx(float(everything.exp().sum()))


def test_parts_are_joined_to_one_sum() -> None:
    parts = [of(0.1, 3.0), of(-1.0, lowest(of(0))), of(2.0, lowest(of(0)))]
    expected = [math.log(math.exp(0.1) + math.exp(-1) + math.exp(2)), 3.0]
    assert joined(parts).tolist() == pytest.approx(expected)


def test_several_positives_of_a_row_are_averaged() -> None:
    found = mean_by_row(of(1, 2, 6), torch.tensor([0, 0, 2]), 3)
    assert found.tolist() == [1.5, 0, 6]

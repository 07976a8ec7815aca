"""Differential privacy: what a step is, what it is accounted as, and a base to go back to."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from scipy.integrate import quad
from scipy.stats import norm

from negatives.errors import NegativesError
from negatives.stats.auc import auc

torch: Any = pytest.importorskip("torch")

from negatives.learn.unlearn.private import clipped, epsilon, private_steps, renyi  # noqa: E402


@cache
def data() -> tuple[Any, Any]:
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(30, 5, generator=draw)
    return inputs, (inputs[:, 0] > 0).float()


def loss_of(model: Any, item: int) -> Any:
    inputs, side = data()
    return torch.nn.functional.binary_cross_entropy_with_logits(
        model(inputs[item : item + 1])[:, 0], side[item : item + 1]
    )


def linear() -> Any:
    torch.manual_seed(1)
    return torch.nn.Linear(5, 1)


def test_without_noise_and_clip_it_is_gradient_descent_on_all() -> None:
    plain, private = linear(), linear()
    optimiser = torch.optim.SGD(plain.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        (sum(loss_of(plain, item) for item in range(30)) / 30).backward()
        optimiser.step()
    private_steps(private, loss_of, 30, steps=3, rate=1.0, clip=1e9, noise=0.0, learning_rate=0.1)
    for a, b in zip(plain.parameters(), private.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_no_item_moves_the_model_further_than_the_clip() -> None:
    gradients = [torch.tensor([3.0]), torch.tensor([[4.0]])]
    assert [each.item() for each in clipped(gradients, 1.0)] == pytest.approx([0.6, 0.8])
    assert [each.item() for each in clipped(gradients, 9.0)] == [3, 4]


def test_noise_has_the_deviation_it_is_said_to_have() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(100, 100, bias=False)
    before = model.weight.detach().clone()
    private_steps(
        model, lambda net, item: 0.0 * net.weight.sum(), 10, steps=1, rate=0.5, clip=2.0, noise=3.0,
        learning_rate=1.0,
    )  # fmt: skip
    moved = (model.weight.detach() - before) * 0.5 * 10
    assert float(moved.std()) == pytest.approx(6.0, rel=0.05)


@pytest.mark.method("dp2unlearning")
@pytest.mark.parametrize(("order", "noise", "rate"), [(2, 1.0, 0.1), (5, 2.0, 0.3), (8, 1.5, 0.01)])
def test_the_divergence_is_that_of_the_integral(order: int, noise: float, rate: float) -> None:
    def inside(x: float) -> float:
        base = norm.pdf(x, 0, noise)
        mixed = (1 - rate) * base + rate * norm.pdf(x, 1, noise)
        return base * (mixed / base) ** order if base > 0 else 0.0

    integral = quad(inside, -15 * noise, 15 * noise + order, limit=500)[0]
    assert renyi(order, noise, rate) == pytest.approx(math.log(integral) / (order - 1), rel=1e-5)


def test_more_steps_cost_more_and_more_noise_less() -> None:
    usual: dict[str, Any] = {"noise": 1.1, "rate": 256 / 60000, "steps": 14062, "delta": 1e-5}
    said = epsilon(**usual)
    assert said == pytest.approx(2.60, abs=0.01)
    assert epsilon(**{**usual, "steps": 28124}) > said > epsilon(**{**usual, "noise": 1.5})
    assert epsilon(**{**usual, "noise": 0.0}) == math.inf
    for wrong in ({"delta": 0.0}, {"rate": 0.0}, {"noise": -1.0}):
        with pytest.raises(NegativesError):
            epsilon(**{**usual, **wrong})


def test_going_back_to_a_private_base_leaves_less_of_what_was_forgotten() -> None:
    """Random labels, which can be known by heart alone, and tell members by their losses."""
    draw = torch.Generator().manual_seed(4)
    inputs, side = torch.randn(90, 200, generator=draw), torch.rand(90, generator=draw).round()

    def each(model: Any, items: slice) -> Any:
        said = model(inputs[items])[:, 0]
        return torch.nn.functional.binary_cross_entropy_with_logits(
            said, side[items], reduction="none"
        )

    def member(noise: float, clip: float) -> float:
        """How well losses tell the forgotten from the unseen, after forgetting."""
        torch.manual_seed(0)
        model = torch.nn.Linear(200, 1)
        private_steps(
            model, lambda net, item: each(net, slice(item, item + 1)).sum(), 60, steps=40, rate=0.5,
            clip=clip, noise=noise, learning_rate=0.2,
        )  # fmt: skip
        optimiser = torch.optim.SGD(model.parameters(), lr=0.2)
        for _ in range(30):  # further, on what is kept
            optimiser.zero_grad()
            each(model, slice(30, 60)).mean().backward()
            optimiser.step()
        assert each(model, slice(30, 60)).mean() < 0.2
        lost, unseen = each(model, slice(0, 30)), each(model, slice(60, 90))
        return auc(-lost.detach().numpy(), -unseen.detach().numpy())

    private, open_base = member(noise=8.0, clip=1.0), member(noise=0.0, clip=1e9)
    assert open_base > 0.75
    assert private < 0.65

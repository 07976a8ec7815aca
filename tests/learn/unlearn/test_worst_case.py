"""The hardest items to forget: the page's projection, its oracle, and items with copies."""

from __future__ import annotations

import copy
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import NegativesError

torch: Any = pytest.importorskip("torch")

from negatives.learn.unlearn.worst_case import projected, unlearn, worst_case  # noqa: E402

VALUES = st.lists(st.floats(-2, 2), min_size=1, max_size=5)


@pytest.mark.method("worst-case-forget-sets")
def test_the_projection_of_the_page_and_of_what_is_a_choice_already() -> None:
    found = projected(np.array([0.9, 0.8, 0.3, 0.1]), 2)
    assert found.round(6).tolist() == [0.875, 0.775, 0.275, 0.075]
    chosen = np.array([1.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(projected(chosen, 2), chosen, atol=1e-6)
    with pytest.raises(NegativesError, match="cannot be chosen"):
        projected(chosen, 5)


@given(VALUES, st.data())
def test_no_feasible_weights_are_nearer(values: list[float], data: st.DataObject) -> None:
    a = np.array(values)
    count = data.draw(st.integers(0, len(a)))
    found = projected(a, count)
    assert found.sum() == pytest.approx(count, abs=1e-5)
    np.testing.assert_allclose(projected(found, count), found, atol=1e-6)
    grid = [np.array(w) for w in product((0, 0.25, 0.5, 0.75, 1), repeat=len(a)) if sum(w) == count]
    distance = ((found - a) ** 2).sum()
    assert all(distance <= ((w - a) ** 2).sum() + 1e-5 for w in grid)


def planted() -> tuple[Any, Any, set[int]]:
    """A linear model of 16 items of which four stand there twice, and their losses."""
    draw = torch.Generator().manual_seed(3)
    inputs = torch.nn.functional.normalize(torch.randn(12, 24, generator=draw))
    inputs = torch.cat([inputs, inputs[:4]])
    side = (torch.rand(12, generator=draw) > 0.5).float()
    side = torch.cat([side, side[:4]])
    torch.manual_seed(0)
    model = torch.nn.Linear(24, 1)

    def losses(net: Any) -> Any:
        return torch.nn.functional.binary_cross_entropy_with_logits(
            net(inputs)[:, 0], side, reduction="none"
        )

    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        losses(model).mean().backward()
        optimiser.step()
    return model, losses, {0, 1, 2, 3, 12, 13, 14, 15}


def test_items_with_copies_that_are_kept_are_the_hardest_and_harder_than_random_ones() -> None:
    model, losses, twice = planted()
    start = [each.clone() for each in model.parameters()]
    found = worst_case(model, losses, 4, rounds=15, weight_rate=0.3, steps=20, sign_rate=0.03)
    assert all(torch.equal(a, b) for a, b in zip(start, model.parameters(), strict=True))
    assert len({*found.items.tolist()} & twice) >= 3

    def left(items: list[int]) -> float:
        other = copy.deepcopy(model)
        weights = np.isin(np.arange(16), items).astype(np.float64)
        unlearn(other, losses, weights, steps=20, rate=0.03)
        return float(losses(other).detach()[items].mean())

    draw = np.random.default_rng(0)
    rest = [left(draw.choice(16, 4, replace=False).tolist()) for _ in range(5)]
    assert left(found.items.tolist()) < np.mean(rest)


def test_without_a_rate_weights_stay_and_all_or_nothing_is_refused() -> None:
    model, losses, _ = planted()
    found = worst_case(model, losses, 4, rounds=2, weight_rate=0.0)
    np.testing.assert_allclose(found.weights, 0.25, atol=1e-6)
    for count in (0, 16):
        with pytest.raises(NegativesError, match="are to be forgotten"):
            worst_case(model, losses, count)

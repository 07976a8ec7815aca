"""Self-adversarial weights: the numbers of the paper's formula, and no gradient through them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from negatives.learn.self_adversarial import SelfAdversarial
from tests.learn.lists import of, slope, table

ROW = table([3.0, 2.0, 1.0, 0.0])
"""The score of a positive, and those of three negatives."""


def plain(**settings: Any) -> SelfAdversarial:
    return SelfAdversarial(margin=0.0, temperature=1.0, **settings)


@pytest.mark.recipe("self-adversarial")
def test_the_loss_is_the_mean_of_the_positive_and_the_weighed_negatives() -> None:
    # w = .665241, .244728, .090031; positive term .048587, negative term 1.798717
    assert of(plain(alpha=1.0), ROW) == [pytest.approx(0.923652, abs=1e-6)]
    assert of(plain(alpha=0.0), ROW) == [pytest.approx((0.048587 + 1.377779) / 2, abs=1e-6)]
    assert of(plain(alpha=90.0), ROW) == [pytest.approx((0.048587 + 2.126928) / 2, abs=1e-6)]
    shifted = SelfAdversarial(margin=-1.0, temperature=1.0)
    assert of(shifted, ROW + 1.0) == [pytest.approx(0.923652, abs=1e-6)]


@pytest.mark.recipe("self-adversarial")
def test_the_weights_are_constants() -> None:
    weights = torch.softmax(ROW[:, 1:], -1)
    expected = weights * torch.sigmoid(ROW[:, 1:]) / 2  # of softplus alone: no term of the softmax
    assert torch.allclose(slope(plain(), ROW)[:, 1:], expected)


def test_a_filler_counts_nothing_and_a_row_without_negatives_has_its_positive_alone() -> None:
    scores = table([3.0, 2.0, 99.0], [3.0, 99.0, 99.0])
    present = torch.tensor([[True, True, False], [True, False, False]])
    found = plain().of(scores, present)
    assert found[0] == pytest.approx((0.048587 + 2.126928) / 2, abs=1e-6)
    assert found[1] == pytest.approx(0.048587 / 2, abs=1e-6)
    assert torch.isfinite(plain().of(table([3.0]), torch.ones(1, 1).bool())).all()

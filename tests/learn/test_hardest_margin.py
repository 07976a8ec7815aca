"""NGAME's loss: the hardest of the batch, by a margin; known positives are masked."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.learn.hardest_margin import HardestMargin
from tests.learn.batches import drawn, scored

FOUR = [[0.8, 0.7, 0.2, 0.6], [0.1, 0.9, 0.3, 0.85], [0.2, 0.3, 0.5, 0.4], [0.0, 0.1, 0.2, 0.7]]


@pytest.mark.recipe("ngame")
def test_the_worked_batch_of_four() -> None:
    batch = scored(FOUR, 1)
    for hardest, weighted, expected in (
        (1, False, 0.1625),
        (2, False, 0.10625),
        (2, True, 0.07452),
    ):
        loss = HardestMargin(hardest=hardest, weighted=weighted, similarity="dot").open()
        assert loss(batch).mean().item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.recipe("ngame")
def test_a_known_positive_is_no_negative_even_where_too_few_are_left() -> None:
    batch = scored(FOUR, 1)
    relevant = batch.relevant.clone()
    relevant[0, 1] = True  # the hardest of the first row
    loss = HardestMargin(hardest=10, similarity="dot").open()
    found = loss(replace(batch, relevant=relevant))
    assert found[0].item() == pytest.approx((0 + 0.1) / 2)  # .2 and .6 are left, not three of them
    assert found[1:].tolist() == loss(batch)[1:].tolist()
    blind = HardestMargin(hardest=10, similarity="dot", mask=False).open()
    assert blind(replace(batch, relevant=relevant)).tolist() == loss(batch).tolist()
    relevant[0] = True
    assert loss(replace(batch, relevant=relevant))[0].item() == 0.0


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 3), st.integers(1, 4))
@settings(max_examples=25)
def test_it_is_the_mean_of_the_hardest_in_plain_loops(
    seed: int, n: int, width: int, hardest: int
) -> None:
    batch = drawn(seed, n, width)
    chance = torch.Generator().manual_seed(seed)
    relevant = batch.relevant | (torch.rand(n, n * width, generator=chance) < 0.3)
    s = (batch.queries @ batch.pool().T).tolist()
    expected = []
    for i in range(n):
        negatives = sorted((s[i][j] for j in range(n * width) if not relevant[i, j]), reverse=True)
        terms = [max(0.0, each - s[i][i * width] + 0.3) for each in negatives[:hardest]]
        expected.append(sum(terms) / len(terms) if terms else 0.0)
    loss = HardestMargin(hardest=hardest, similarity="dot").open()
    found = loss(replace(batch, relevant=relevant)).tolist()
    assert found == pytest.approx(expected)


def test_losses_and_slopes_are_numbers_whatever_the_scores() -> None:
    for high in (1e4, -1e4, 0.0):
        batch = scored([[0.0, high], [high, 0.0]], 1)
        batch.docs.requires_grad_()
        losses = HardestMargin(weighted=True, similarity="dot").open()(batch)
        losses.sum().backward()
        assert losses.isfinite().all()
        assert batch.docs.grad is not None
        assert batch.docs.grad.isfinite().all()

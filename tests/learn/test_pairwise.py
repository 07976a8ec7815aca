"""STAR's loss: pair by pair over the whole batch, known positives masked."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.learn.pairwise import Pairwise
from tests.learn.batches import drawn, scored

LOSS = Pairwise().open()
# The scores of two queries, positives S = [[2, 1], [0, 3]] and hard ones T = [[1.5, .5], [1, 2]].
STAR = [[2.0, 1.5, 1.0, 0.5], [0.0, 1.0, 3.0, 2.0]]


@pytest.mark.recipe("star")
def test_the_batch_of_star() -> None:
    assert LOSS(scored(STAR, 2)).mean().item() == pytest.approx(0.246255, abs=1e-6)


def test_the_random_negatives_of_star() -> None:
    alone = scored([[2.0, 1.0], [0.0, 3.0]], 1)
    assert LOSS(alone).mean().item() == pytest.approx(0.180925, abs=1e-6)


def test_a_known_positive_takes_one_term_from_the_sum_and_from_the_count() -> None:
    batch = scored(STAR, 2)
    relevant = batch.relevant.clone()
    relevant[0, 2] = True
    term = math.log1p(math.exp(1.0 - 2.0))
    expected = (6 * LOSS(batch).mean().item() - term) / 5
    assert LOSS(replace(batch, relevant=relevant)).mean().item() == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=25)
def test_the_mean_of_the_rows_is_the_mean_of_all_pairs(seed: int, n: int, width: int) -> None:
    batch = drawn(seed, n, width)
    chance = torch.Generator().manual_seed(seed)
    present = torch.rand(n, width, generator=chance) < 0.7
    present[:, 0] = True
    relevant = batch.relevant | (torch.rand(n, n * width, generator=chance) < 0.2)
    s = (batch.queries @ batch.pool().T).tolist()
    terms = [
        math.log1p(math.exp(s[i][j] - s[i][i * width]))
        for i in range(n)
        for j in range(n * width)
        if present.flatten()[j] and not relevant[i, j]
    ]
    expected = sum(terms) / len(terms) if terms else 0.0
    found = LOSS(replace(batch, present=present, relevant=relevant)).mean().item()
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("high", [1e4, -1e4, 0.0])
def test_losses_and_slopes_are_numbers_whatever_the_scores(high: float) -> None:
    batch = scored([[0.0, high], [high, 0.0]], 1)
    batch.docs.requires_grad_()
    losses = LOSS(batch)
    assert losses.isfinite().all()
    losses.sum().backward()
    assert batch.docs.grad is not None
    assert batch.docs.grad.isfinite().all()

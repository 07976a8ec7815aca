"""The static bank: negatives from all documents, kept from batch to batch."""

from __future__ import annotations

import math
from typing import cast

import pytest
import torch
from torch import Tensor

from negatives.errors import DataError
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.static_bank import BankLosses, StaticBank
from tests.learn.encodings import batch_of, plain, random_batch

ROWS = torch.tensor([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], dtype=torch.float64)


def filled(bank: Tensor, **settings: object) -> BankLosses:
    losses = cast("BankLosses", StaticBank(**settings).open())  # type: ignore[arg-type]
    losses.fill(bank)
    return losses


@pytest.mark.recipe("spn4cir")
@pytest.mark.parametrize(
    ("temperature", "rows", "expected"),
    [
        (1, [0, 1, 2, 3], 0.842405),
        (1, [0, 2], 0.313262),
        (0.1, [0, 1, 2, 3], 0.126968),
        (0.1, [0, 2], 0.000045),
    ],
)
def test_the_worked_bank(temperature: float, rows: list[int], expected: float) -> None:
    batch = batch_of(ROWS[:1], ROWS[:1].unsqueeze(0))
    losses = filled(ROWS[rows], temperature=temperature)(batch)
    assert losses.tolist() == [pytest.approx(expected, abs=1e-6)]


def test_a_bank_of_the_batch_s_positives_is_multiple_negatives() -> None:
    batch = random_batch(6, 0)
    losses = filled(batch.docs[:, 0], temperature=0.05)(batch)
    assert torch.allclose(losses, MultipleNegatives(temperature=0.05).open()(batch))


def test_more_rows_never_cost_less_and_the_batch_s_own_can_be_added() -> None:
    batch, bank = random_batch(4, 2), random_batch(20, 0, seed=9).docs[:, 0]
    small, large = filled(bank[:10])(batch), filled(bank)(batch)
    assert (large >= small).all()
    assert (filled(bank, in_batch="hard")(batch) >= large).all()
    assert (filled(bank, in_batch="all")(batch) >= filled(bank, in_batch="hard")(batch)).all()


def test_no_known_positive_in_the_bank_is_a_negative() -> None:
    batch = random_batch(3, 0)
    relevant = batch.relevant.clone()
    relevant[0, 1] = True  # the positive of row 1 answers row 0, too
    also = batch_of(batch.queries, batch.docs, relevant=relevant)
    aware = filled(batch.docs[:, 0], temperature=1)
    expected = MultipleNegatives(temperature=1).open()(also)
    assert torch.allclose(aware(also), expected)
    # Said of the bank, the same; and only of one batch.
    said = filled(batch.docs[:, 0], temperature=1)
    said.known(relevant)
    assert torch.allclose(said(batch), expected)
    assert not torch.allclose(said(batch), expected)


def test_a_sample_as_large_as_the_bank_is_the_bank_and_a_smaller_one_costs_less() -> None:
    batch, bank = random_batch(4, 0), random_batch(20, 0, seed=9).docs[:, 0]
    everything = filled(bank)(batch)
    assert torch.equal(filled(bank, sample=20)(batch), everything)
    torch.manual_seed(0)
    some = filled(bank, sample=5, temperature=1)(batch)
    torch.manual_seed(0)
    assert torch.equal(filled(bank, sample=5, temperature=1)(batch), some)
    assert (some < filled(bank, temperature=1)(batch)).all()


def test_what_is_known_of_the_bank_is_sampled_with_it() -> None:
    batch = random_batch(2, 0)
    bank = random_batch(20, 0, seed=9).docs[:, 0]
    losses = filled(bank, sample=19)
    losses.known(torch.ones(2, 20, dtype=torch.bool))
    assert losses(batch).tolist() == [0, 0]


def test_the_bank_has_no_gradient_and_is_not_changed() -> None:
    batch = random_batch(3, 0)
    losses = filled(random_batch(9, 0, seed=2).docs[:, 0])
    assert losses.bank is not None
    before = losses.bank.clone()
    losses(batch).sum().backward()
    assert torch.equal(losses.bank, before)
    assert not losses.bank.requires_grad


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_a_vector_without_a_direction_is_refused(value: float) -> None:
    bank = ROWS.clone()
    bank[2] = value
    with pytest.raises(DataError, match="1 of 4 vectors") as caught:
        filled(bank)
    assert caught.value.where == "rows 2"


def test_an_empty_bank_is_an_error_that_says_how_to_fill_it() -> None:
    with pytest.raises(DataError, match="empty") as caught:
        StaticBank().open()(random_batch(2, 0))
    assert "fill" in caught.value.fix


def test_the_loss_of_a_row_counts_every_vector_once() -> None:
    batch = batch_of(ROWS[1:2], ROWS[2:3].unsqueeze(0))
    losses = filled(ROWS, temperature=0.5)(batch)
    assert losses.tolist() == [pytest.approx(plain(0.6 / 0.5, [0.8 / 0.5, 1 / 0.5, -0.8 / 0.5]))]

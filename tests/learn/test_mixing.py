"""Mixtures: where they stand, what they are made of, and what they never do."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from negatives.errors import RecipeError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.mixing import Mixing, OnlineMixing
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.pairs import TrainingPairs
from tests.learn.encodings import batch_of, batches, plain, random_batch


def on_the_circle(query: list[float], *docs: list[float]) -> EncodedBatch:
    """One query, its positive and its hard negatives."""
    return batch_of(
        torch.tensor([query], dtype=torch.float64), torch.tensor([docs], dtype=torch.float64)
    )


def of_mixtures(stage: Mixing | OnlineMixing, batch: EncodedBatch) -> Tensor:
    """float[n, s]: the cosines of each query and its mixtures."""
    pairs = TrainingPairs(batch, "cosine", stage.temperature)
    made = stage._more(pairs, stage._of_queries(pairs))
    assert made is not None
    return made.detach() * stage.temperature


def uniform(monkeypatch: pytest.MonkeyPatch, *draws: list[float]) -> None:
    """Have the next numbers drawn be these."""
    queue = list(draws)

    def rand(*size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.tensor(queue.pop(0), dtype=dtype, device=device).reshape(size)

    monkeypatch.setattr(torch, "rand", rand)


@pytest.mark.recipe("mochi")
def test_the_worked_pair_and_query_mixtures(monkeypatch: pytest.MonkeyPatch) -> None:
    positive, first, second = [0.9, math.sqrt(1 - 0.81)], [0.8, 0.6], [0.6, 0.8]
    batch = on_the_circle([1.0, 0.0], positive, first, second)
    both = [0.0, 0.5]  # places among two
    halves, b = [0.5], [0.6]  # the query's share is half of what is drawn
    for pairs, with_query, draws, cosines, expected in (
        (0, 0, [], [], 0.604131),
        (1, 0, [both, halves], [0.707107], 0.793376),
        (1, 1, [[*both, 0.0], halves + b], [0.707107, 0.898568], 1.164310),
    ):
        stage = Mixing(temperature=0.2, pairs=pairs, with_query=with_query)
        uniform(monkeypatch, *draws, *draws)
        assert stage.open()(batch).item() == pytest.approx(expected, abs=1e-6)
        if cosines:
            assert of_mixtures(stage, batch).tolist() == [pytest.approx(cosines, abs=1e-6)]


def test_mixtures_of_one_negative_are_that_negative_counted_again() -> None:
    positive, negative = [0.9, math.sqrt(1 - 0.81)], [0.6, 0.8]
    batch = on_the_circle([1.0, 0.0], positive, negative)
    twice = on_the_circle([1.0, 0.0], positive, negative, negative)
    expected = MultipleNegatives(temperature=0.2).open()(twice)
    for stage in (
        Mixing(temperature=0.2, pairs=1, with_query=0),
        OnlineMixing(temperature=0.2, gamma=0, pairs=1, list_wise=False),
        OnlineMixing(temperature=0.2, gamma=0, pairs=0, list_wise=True),
    ):
        assert torch.allclose(stage.open()(batch), expected)


@pytest.mark.recipe("kalm-v2")
def test_the_worked_online_mixtures(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = on_the_circle([0.8, 0.6], [0.9, 0.5], [1.0, 0.0], [0.0, 1.0])
    uniform(monkeypatch, [0.0], [0.0], [0.5] * 3)  # the first, the next one, half of each
    pair = OnlineMixing(pairs=1, list_wise=False)
    assert of_mixtures(pair, batch).tolist() == [[pytest.approx(0.989949, abs=1e-6)]]
    listed = OnlineMixing(pairs=0, list_temperature=0.05)
    assert of_mixtures(listed, batch).tolist() == [[pytest.approx(0.810853, abs=1e-6)]]


@pytest.mark.parametrize("stage", [Mixing(pairs=0, with_query=0), OnlineMixing(pairs=0)])
def test_no_mixtures_leave_multiple_negatives(stage: Mixing | OnlineMixing) -> None:
    batch = random_batch(4, 2 if isinstance(stage, Mixing) else 0)
    if isinstance(stage, OnlineMixing):
        stage = OnlineMixing(temperature=0.05, gamma=0)  # there is nothing of its own to mix
    assert torch.equal(stage.open()(batch), MultipleNegatives().open()(batch))


@settings(deadline=None, max_examples=25)
@given(batch=batches())
def test_mixing_never_costs_less_and_is_finite_on_any_batch(batch: EncodedBatch) -> None:
    base = MultipleNegatives(temperature=0.1).open()(batch)
    for stage in (
        Mixing(temperature=0.1, hardest=3, pairs=4, with_query=2),
        OnlineMixing(temperature=0.1, gamma=0, pairs=3),
    ):
        found = stage.open()(batch)
        gradients = torch.autograd.grad(found.sum(), [batch.queries, batch.docs])
        assert (found >= base - 1e-12).all()
        assert all(torch.isfinite(each).all() for each in gradients)
        assert (found[base == 0] == 0).all()


def test_mixtures_with_the_query_are_harder_than_the_negative_and_never_the_query() -> None:
    batch = random_batch(1, 1, seed=4)
    negative = TrainingPairs(batch, "cosine", 1.0).own().item()
    found = of_mixtures(Mixing(pairs=0, with_query=500), batch)
    assert found.min() >= negative
    assert found.max() < 1


def test_shares_of_online_mixtures_follow_beta_2_2() -> None:
    torch.manual_seed(0)
    batch = on_the_circle([1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    cosines = of_mixtures(OnlineMixing(pairs=20_000, list_wise=False), batch)
    tangent = (1 - cosines**2).sqrt() / cosines
    share = 1 / (1 + tangent)  # of the vector that is the query
    assert share.mean().item() == pytest.approx(0.5, abs=0.01)
    assert share.var().item() == pytest.approx(0.05, abs=0.002)


def test_only_own_negatives_are_mixed_online_and_no_fillers() -> None:
    docs = torch.zeros(2, 4, 6, dtype=torch.float64)
    for row in range(2):
        for place in range(3):
            docs[row, place, 3 * row + place] = 1
    docs[:, 3] = -1  # a filler that would spoil whatever it is mixed into
    present = torch.tensor([[True, True, True, False]] * 2)
    queries = docs[:, 1] + docs[:, 2]
    batch = batch_of(queries, docs, present=present)
    found = of_mixtures(OnlineMixing(pairs=50), batch)
    assert found.min() >= math.sqrt(0.5) - 1e-9  # on the arc between the two, around the query


def test_only_the_query_learns_from_mixtures() -> None:
    batch = random_batch(1, 2)
    for stage in (Mixing(), OnlineMixing()):
        pairs = TrainingPairs(batch, "cosine", 1.0)
        made = stage._more(pairs, stage._of_queries(pairs))
        assert made is not None
        queries, docs = torch.autograd.grad(
            made.sum(), [batch.queries, batch.docs], allow_unused=True
        )
        assert queries.abs().max() > 0
        assert docs is None


def test_mixtures_too_near_can_be_left_out() -> None:
    batch = on_the_circle([0.8, 0.6], [0.8, 0.6], [1.0, 0.0], [0.0, 1.0])
    base = MultipleNegatives(temperature=0.05).open()(batch)
    for stage in (
        Mixing(temperature=0.05, hardest=2, below_positive=0.5),
        OnlineMixing(temperature=0.05, gamma=0, below_positive=0.5),
    ):
        assert torch.allclose(stage.open()(batch), base)


def test_opposite_negatives_that_cancel_out_make_no_negative(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = on_the_circle([0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0])
    uniform(monkeypatch, [0.0], [0.0], [0.5] * 3)
    stage = OnlineMixing(temperature=1, gamma=0, pairs=1, list_wise=False)
    assert stage.open()(batch).item() == pytest.approx(plain(1, [0, 0]))


def test_the_same_seed_gives_the_same_mixtures() -> None:
    batch = random_batch(4, 3)
    for stage in (Mixing(), OnlineMixing(pairs=3)):
        found = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            found.append(stage.open()(batch))
        assert torch.equal(found[0], found[1])
        assert not torch.equal(found[0], found[2])


def test_mixtures_of_unit_length_are_not_compared_with_longer_documents() -> None:
    with pytest.raises(RecipeError, match="unit length"):
        Mixing(similarity="dot")
    with pytest.raises(RecipeError, match="unit length"):
        OnlineMixing(similarity="dot")

"""Debiased and hardness-weighted contrast: worked numbers, limits, and the direct formula."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.learn.encoded import EncodedBatch
from negatives.learn.hardness_weighted import HardnessWeighted, log_debiased, log_reweighted
from negatives.learn.multiple_negatives import MultipleNegatives
from tests.learn.encodings import batch_of, batches, cosine, of_similarities, random_batch


def one_row(positive: float, negatives: list[float]) -> EncodedBatch:
    """A query with these hard negatives; their cosines may be anything."""
    cosines = torch.tensor([positive, *negatives], dtype=torch.float64)
    docs = torch.stack([cosines, (1 - cosines**2).sqrt()], 1).unsqueeze(0)
    return batch_of(torch.tensor([[1.0, 0.0]], dtype=torch.float64), docs)


def loss(
    positive: float, negatives: list[float], beta: float, tau: float, temperature: float = 0.5
) -> float:
    stage = HardnessWeighted(temperature=temperature, beta=beta, tau_plus=tau, tau_hard=tau)
    return float(stage.open()(one_row(positive, negatives)).item())


def direct(positive: float, negatives: list[float], stage: HardnessWeighted, false: float) -> float:
    """The formula as written, of exponentials."""
    if not negatives:
        return 0.0
    t, n = stage.temperature, len(negatives)
    e = [math.exp(s / t) for s in negatives]
    w = [each**stage.beta for each in e]
    total = sum(a * b for a, b in zip(w, e, strict=True)) / (sum(w) / n)
    plus = math.exp(positive / t)
    rest = (total - false * plus) / (1 - false / n)
    return math.log1p(max(rest, n * math.exp(-1 / t)) / plus)


@pytest.mark.recipe("hcl")
@pytest.mark.parametrize(
    ("beta", "tau", "expected"),
    [(0, 0, 0.759316), (0, 0.1, 0.657412), (1, 0, 0.915197), (1, 0.1, 0.845995)],
)
def test_the_worked_numbers(beta: float, tau: float, expected: float) -> None:
    assert loss(0.8, [0.6, 0.2, -0.1], beta, tau) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("beta", "tau", "total", "expected"),
    [
        (0, 0, 6.894186, 0.760620),
        (1, 0, 11.731610, 1.078145),
        (1, 0.1, 11.018573, 1.037218),
        (50, 0, 14.859097, 1.240167),
    ],
)
def test_the_worked_numbers_across_modalities(
    beta: float, tau: float, total: float, expected: float
) -> None:
    found = loss(0.9, [0.8, 0.2, -0.4], beta, tau)
    assert found == pytest.approx(expected, abs=1e-6)
    assert math.expm1(found) * math.exp(0.9 / 0.5) == pytest.approx(total, abs=1e-5)


def test_a_large_beta_counts_the_hardest_alone() -> None:
    logits = torch.tensor([[0.6, 0.2, -0.1]], dtype=torch.float64) / 0.5
    never, count = torch.zeros(1, 3).bool(), torch.tensor([3.0]).double()
    assert log_reweighted(logits, never, count, 50).exp().item() == pytest.approx(
        9.960351, abs=1e-5
    )


def test_the_floor() -> None:
    found = loss(0.9, [-0.9] * 3, 0, 0.3)
    assert found == pytest.approx(0.064956, abs=1e-6)
    assert loss(0.9, [0.8, 0.2, -0.4], 0, 0.9) == pytest.approx(
        math.log1p(0.406006 / math.exp(1.8)), abs=1e-6
    )


def test_rows_at_the_floor_are_told_and_give_their_negatives_no_gradient() -> None:
    batch = one_row(0.9, [-0.9, -0.9])
    batch.docs.requires_grad_()
    losses = HardnessWeighted(temperature=0.5, tau_hard=0.3).open()
    losses(batch).sum().backward()
    assert losses.told() == {"rows_at_the_floor": 1}  # type: ignore[attr-defined]
    assert batch.docs.grad is not None
    assert batch.docs.grad[0, 1:].abs().max() == 0
    assert batch.docs.grad[0, 0].abs().max() > 0


def test_without_beta_and_shares_it_is_multiple_negatives_exactly() -> None:
    batch = random_batch(5, 2)
    none = HardnessWeighted(temperature=0.05, beta=0, tau_plus=0, tau_hard=0)
    assert torch.equal(none.open()(batch), MultipleNegatives(temperature=0.05).open()(batch))


@pytest.mark.slow
@given(
    positive=st.floats(-1, 1),
    negatives=st.lists(st.floats(-1, 1), min_size=1, max_size=5),
    betas=st.tuples(st.floats(0, 5), st.floats(0, 5)),
    taus=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
)
def test_more_beta_costs_more(
    positive: float,
    negatives: list[float],
    betas: tuple[float, float],
    taus: tuple[float, float],
) -> None:
    (less, more), (few, many) = sorted(betas), sorted(taus)
    assert loss(positive, negatives, less, 0) <= loss(positive, negatives, more, 0) + 1e-12
    if positive >= max(negatives):  # else taking off false ones raises what is left
        assert loss(positive, negatives, 0, many) <= loss(positive, negatives, 0, few) + 1e-9


def test_equal_similarities_have_one_sum_whatever_beta() -> None:
    found = [loss(0.5, [0.3] * 4, beta, 0.05) for beta in (0, 0.5, 3)]
    assert found == pytest.approx([found[0]] * 3)


def test_twice_the_same_negatives_double_the_sum() -> None:
    once, twice = (loss(0.5, [0.3, -0.2, 0.1] * times, 1, 0) for times in (1, 2))
    assert math.expm1(twice) == pytest.approx(2 * math.expm1(once))


@settings(deadline=None, max_examples=40)
@given(
    batch=batches(),
    stage=st.builds(
        HardnessWeighted,
        temperature=st.sampled_from([0.1, 0.5]),
        beta=st.sampled_from([0.0, 0.5, 2.0]),
        tau_plus=st.sampled_from([0.0, 0.05]),
        tau_hard=st.sampled_from([0.0, 0.3]),
        through_weights=st.booleans(),
    ),
)
def test_logs_and_exponentials_agree(batch: EncodedBatch, stage: HardnessWeighted) -> None:
    n, width = batch.docs.shape[:2]
    pool, queries = batch.docs.detach().flatten(0, 1), batch.queries.detach()
    there = ~batch.relevant & batch.present.flatten()
    expected = []
    for i in range(n):
        columns = there[i].nonzero().flatten().tolist()
        false = sum(stage.tau_hard if c // width == i else stage.tau_plus for c in columns)
        alike = [cosine(queries[i], pool[c]) for c in columns]
        expected.append(direct(cosine(queries[i], pool[i * width]), alike, stage, false))
    assert stage.open()(batch).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_both_directions_are_averaged_and_the_other_way_has_the_other_queries() -> None:
    batch = of_similarities([[0.9, 0.2], [0.1, 0.8]])
    stage = HardnessWeighted(temperature=0.5, beta=1, directions=["query-doc", "doc-query"])
    swapped = of_similarities([[0.9, 0.1], [0.2, 0.8]])
    one_way = HardnessWeighted(temperature=0.5, beta=1).open()
    expected = (one_way(batch) + one_way(swapped)) / 2
    assert torch.allclose(stage.open()(batch), expected)


def test_the_weights_have_a_gradient_only_where_asked() -> None:
    found = []
    for through in (True, False):
        batch = random_batch(3, 1)
        stage = HardnessWeighted(temperature=0.5, beta=1, through_weights=through)
        found.append(torch.autograd.grad(stage.open()(batch).sum(), batch.queries)[0])
    assert not torch.allclose(*found)
    batch = random_batch(3, 1)
    assert torch.autograd.gradcheck(
        lambda q, d: HardnessWeighted(temperature=0.5, beta=1).open()(batch_of(q, d)),
        (batch.queries, batch.docs),
    )


@pytest.mark.parametrize("share", [0.0, 1e-12, 0.5, 0.999])
def test_what_is_taken_off_may_be_all_there_is(share: float) -> None:
    total = torch.tensor([0.0, 3.0], dtype=torch.float64, requires_grad=True)
    positive = torch.tensor([0.0, 3.0], dtype=torch.float64, requires_grad=True)
    one = torch.ones(2).double()
    found, _ = log_debiased(total, positive, one, share * one, -2.0)
    found.sum().backward()
    assert total.grad is not None
    assert torch.isfinite(found).all()
    assert torch.isfinite(total.grad).all()

"""What every contrastive loss promises, whatever it weighs, masks, mixes or keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from negatives.learn.encoded import EncodedBatch
from negatives.learn.focal import Focal
from negatives.learn.guided import Guided
from negatives.learn.hardness_weighted import HardnessWeighted
from negatives.learn.loss import Loss, Losses
from negatives.learn.mixing import Mixing, OnlineMixing
from negatives.learn.multi_level import MultiLevel
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.static_bank import StaticBank
from negatives.learn.unified_pairs import UnifiedPairs
from negatives.stage import build
from tests.each import for_each
from tests.learn.encodings import batches, random_batch

T = 0.01
EVERY: list[Loss] = [
    MultipleNegatives(
        temperature=T,
        directions=["query-doc", "doc-query", "query-query", "doc-doc"],
        doubt="weight",
        hardness=5,
    ),
    MultipleNegatives(temperature=T, negatives="hard", doubt="mask", positives="known"),
    Focal(temperature=T),
    Guided(temperature=T),
    HardnessWeighted(temperature=T, beta=1, tau_plus=0.1, tau_hard=0.3),
    HardnessWeighted(temperature=T, directions=["query-doc", "doc-query"], through_weights=False),
    Mixing(temperature=T, hardest=4, pairs=4, with_query=2),
    OnlineMixing(temperature=T, pairs=2),
    UnifiedPairs(temperature=T),
    MultiLevel(temperature=T),
    StaticBank(temperature=T, in_batch="all"),
]
each_loss = for_each("loss", EVERY, ids=lambda loss: str(loss.kind))


def opened(loss: Loss) -> Losses:
    """The loss, its bank full if it has one."""
    losses = loss.open()
    if hasattr(losses, "fill"):
        losses.fill(random_batch(7, 0, seed=5).docs[:, 0])
    return losses


def single(batch: EncodedBatch) -> EncodedBatch:
    """The same in float32."""
    return replace(
        batch,
        queries=batch.queries.detach().float().requires_grad_(),
        docs=batch.docs.detach().float().requires_grad_(),
        guide=None if batch.guide is None else single(batch.guide),
    )


@pytest.mark.slow
@each_loss
@settings(deadline=None, max_examples=10)
@given(batch=batches())
def test_any_batch_has_finite_losses_and_gradients_at_temperature_a_hundredth(
    loss: Loss, batch: EncodedBatch
) -> None:
    for precision in (batch, single(batch)):
        found = opened(loss)(precision)
        assert found.shape == (len(batch.queries),)
        assert torch.isfinite(found).all()
        assert (found >= 0).all()
        leaves = [precision.queries, precision.docs]
        for gradient in torch.autograd.grad(found.sum(), leaves, allow_unused=True):
            assert gradient is not None
            assert torch.isfinite(gradient).all()


@pytest.mark.slow
@each_loss
@settings(deadline=None, max_examples=10)
@given(batch=batches())
def test_what_stands_in_a_filler_s_place_makes_no_difference(
    loss: Loss, batch: EncodedBatch
) -> None:
    docs = torch.where(batch.present.unsqueeze(-1), batch.docs.detach(), 3.0)
    torch.manual_seed(0)
    expected = opened(loss)(batch)
    torch.manual_seed(0)
    assert torch.allclose(opened(loss)(replace(batch, docs=docs)), expected)


@each_loss
def test_a_lone_row_without_negatives_costs_nothing(loss: Loss) -> None:
    if isinstance(loss, StaticBank):
        loss = StaticBank(sample=1)  # its one vector is the positive
    alone = random_batch(1, 0, labels=torch.ones(1, 1))
    losses = loss.open()
    if hasattr(losses, "fill"):
        losses.fill(alone.docs[:, 0])
    found = losses(replace(alone, guide=random_batch(1, 0, seed=1)))
    found.sum().backward()
    assert found.tolist() == [0]
    assert alone.queries.grad is not None
    assert alone.queries.grad.abs().max() == 0


@each_loss
def test_half_precision_embeddings_are_contrasted_in_full(loss: Loss) -> None:
    batch = random_batch(
        4, 2, labels=torch.tensor([[1.0, 0.0, 0.0]] * 4), guide=random_batch(4, 2, seed=1)
    )

    def like(made: Tensor, dtype: torch.dtype) -> Tensor:
        return made.detach().bfloat16().to(dtype)

    found = []
    for dtype in (torch.bfloat16, torch.float32):
        torch.manual_seed(0)
        rounded = replace(batch, queries=like(batch.queries, dtype), docs=like(batch.docs, dtype))
        with torch.autocast("cpu", enabled=dtype == torch.bfloat16):
            found.append(opened(loss)(rounded))
    assert found[0].dtype == torch.float32
    assert torch.allclose(*found, rtol=1e-4, atol=1e-4)


@each_loss
def test_its_settings_make_it_again(loss: Loss) -> None:
    assert build("learn", loss.settings()) == loss

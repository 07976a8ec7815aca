"""A loss as a module: it counts, weighs, guides, and stops at what is no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from negatives.arrays import Floats
from negatives.batch.batcher import Batch
from negatives.errors import WorkError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.margin_mse import MarginMSE
from negatives.learn.module import LossModule
from negatives.learn.multiple_negatives import MultipleNegatives


class Table(torch.nn.Module):  # type: ignore[misc]
    """A model of one vector a number, which may be poisoned."""

    def __init__(self, numbers: int = 8, dim: int = 4) -> None:
        super().__init__()
        drawn = torch.randn(numbers, dim, generator=torch.Generator().manual_seed(0))
        self.table = torch.nn.Parameter(drawn)

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        return {"sentence_embedding": self.table[features["input_ids"]]}


class Seen(Loss, kind="seen-by-a-test"):
    """Row i has the loss i; the batches are kept in `SEEN`."""

    def open(self) -> Losses:
        def losses(batch: EncodedBatch) -> Any:
            SEEN.append(batch)
            return batch.queries.sum(1) * 0 + torch.arange(len(batch.queries))

        return losses


SEEN: list[EncodedBatch] = []


class Halving:
    """Weighs the first example of a batch 3, others 1; remembers what it was told."""

    passes = 0

    def __init__(self) -> None:
        self.asked: list[tuple[list[int], int, int]] = []
        self.told: list[tuple[list[int], list[float]]] = []

    def weights(self, batch: Batch, step: int, steps: int) -> Floats:
        self.asked.append((batch.tolist(), step, steps))
        return np.array([3, *[1] * (len(batch) - 1)], np.float32)

    def observe(self, batch: Batch, losses: Floats) -> None:
        self.told.append((batch.tolist(), losses.tolist()))

    def suspects(self) -> dict[str, Batch]:
        return {}

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


def columns(*numbers: list[int], **about: Any) -> list[dict[str, Any]]:
    made = [{"input_ids": torch.tensor(column)} for column in numbers]
    return [made[0] | about, *made[1:]]


def test_without_the_collator_only_the_diagonal_is_known() -> None:
    SEEN.clear()
    LossModule(Table(), Seen())(columns([0, 1], [2, 3], [4, 5]))
    assert SEEN[0].relevant.tolist() == [[True, False, False, False], [False, False, True, False]]
    assert SEEN[0].present.all()
    assert SEEN[0].docs.shape == (2, 2, 4)


def test_labels_and_a_guide_come_to_the_loss() -> None:
    SEEN.clear()
    about = {
        "relevant": torch.eye(2).bool(),
        "present": torch.ones(2, 1).bool(),
        "p_relevant": torch.ones(2, 1),
        "guide_query": torch.zeros(2, 3),
        "guide_docs": torch.ones(2, 1, 3),
    }
    LossModule(Table(), Seen())(columns([0, 1], [2, 3], **about), torch.tensor([[0.5], [2.0]]))
    batch = SEEN[0]
    assert batch.labels is not None
    assert batch.labels.tolist() == [[0.5], [2.0]]
    assert batch.guide is not None
    assert batch.guide.docs.shape == (2, 1, 3)
    assert batch.p_relevant is not None


def test_a_plain_label_of_a_row_is_no_teacher() -> None:
    SEEN.clear()
    LossModule(Table(), Seen())(columns([0, 1], [2, 3]), torch.tensor([1, 0]))
    assert SEEN[0].labels is None


def test_rows_count_by_their_weights_and_the_losses_are_told_unweighted() -> None:
    weighing = Halving()
    module = LossModule(Table(), Seen(), weighing=weighing, steps=9)
    about = {"relevant": torch.eye(3).bool(), "present": torch.ones(3, 1).bool()}
    features = columns([0, 1, 2], [3, 4, 5], example=torch.tensor([7, 5, 6]), **about)
    assert module(features).item() == pytest.approx((3 * 0 + 1 + 2) / 3)
    module(features)
    assert weighing.asked == [([7, 5, 6], 0, 9), ([7, 5, 6], 1, 9)]
    assert weighing.told[0] == ([7, 5, 6], [0.0, 1.0, 2.0])
    module.eval()
    assert module(features).item() == pytest.approx(1)
    assert len(weighing.asked) == 2


def test_what_is_no_number_is_named() -> None:
    model = Table()
    with torch.no_grad():
        model.table[1] = torch.nan
    module = LossModule(model, MultipleNegatives(negatives="hard"), name=lambda n: f"number {n}")
    about = {"relevant": torch.eye(3, 6).bool(), "present": torch.ones(3, 2).bool()}
    features = columns([0, 1, 2], [3, 4, 5], [5, 6, 7], example=torch.tensor([7, 5, 6]), **about)
    with pytest.raises(WorkError, match="no number for 1 of 3 rows") as caught:
        module(features)
    assert caught.value.where == "examples number [5]"
    assert "learning rate" in caught.value.fix


def test_a_poisoned_label_takes_no_part() -> None:
    labels = torch.tensor([[2.0, 1.0], [torch.nan, 0.0]])
    module = LossModule(Table(), MarginMSE())
    assert torch.isfinite(module(columns([0, 1], [2, 3], [4, 5]), labels))


def test_a_chunk_changes_no_gradient() -> None:
    found = []
    for chunk in (0, 2):
        model = Table()
        LossModule(model, MultipleNegatives(), chunk=chunk)(
            columns([0, 1, 2], [3, 4, 5], [5, 6, 7])
        ).backward()
        found.append(model.table.grad)
    assert torch.allclose(found[0], found[1], atol=1e-6)


def test_a_regulariser_is_added() -> None:
    plain = LossModule(Table(), MultipleNegatives())(columns([0, 1], [2, 3]))
    more = LossModule(
        Table(), MultipleNegatives(), regulariser=lambda queries, docs: queries.sum() * 0 + 2
    )(columns([0, 1], [2, 3]))
    assert (more - plain).item() == pytest.approx(2, abs=1e-5)

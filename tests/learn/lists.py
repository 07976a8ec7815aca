"""Lists of scores made by hand or by hypothesis, for the tests of losses over lists."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

from negatives.learn.loss import ListLoss

Rows = Sequence[Sequence[float]]


def table(*rows: Sequence[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def logits(*rows: Sequence[float]) -> Tensor:
    """The scores whose sigmoids these are."""
    return torch.logit(table(*rows))


def of(loss: ListLoss, scores: Tensor, labels: Tensor | None = None) -> list[float]:
    """The losses of rows without fillers."""
    losses: list[float] = loss.of(scores, torch.ones_like(scores).bool(), labels).tolist()
    return losses


def slope(loss: ListLoss, scores: Tensor, labels: Tensor | None = None) -> Tensor:
    """The gradient of the sum of the losses with respect to the scores."""
    scores = scores.clone().requires_grad_()
    loss.of(scores, torch.ones_like(scores).bool(), labels).sum().backward()
    assert scores.grad is not None
    return scores.grad


number = st.integers(-40, 40).map(lambda eighths: eighths / 8)


@st.composite
def lists(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, presence (the first always) and labels of 1 to 3 rows of 1 to 5 documents."""
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 5))

    def rows(values: st.SearchStrategy[float]) -> list[list[float]]:
        return [[draw(values) for _ in range(m)] for _ in range(n)]

    present = torch.tensor([[True, *(draw(st.booleans()) for _ in range(m - 1))] for _ in range(n)])
    labels = st.integers(0, 3).map(float) if draw(st.booleans()) else number
    return table(*rows(number)), present, table(*rows(labels))

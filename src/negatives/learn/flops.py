"""The price of a sparse vector: how many operations it costs to compare (Paria et al., 2020)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from negatives.learn.settings import SparseTraining, Training

if TYPE_CHECKING:
    from torch import Tensor

Regulariser = Callable[["Tensor", "Tensor"], "Tensor"]
"""Takes the embeddings of queries and of documents, gives a number."""


def flops(vectors: Tensor) -> Tensor:
    """The sum over dimensions of the squared mean absolute activation; `vectors` [..., dim]."""
    made: Tensor = (vectors.flatten(0, -2).abs().mean(dim=0) ** 2).sum()
    return made


def regulariser_of(settings: Training) -> Regulariser | None:
    """What is added to the loss of a sparse encoder; None for other models."""
    if not isinstance(settings, SparseTraining):
        return None

    def regulariser(queries: Tensor, docs: Tensor) -> Tensor:
        return settings.flops_query * flops(queries) + settings.flops_doc * flops(docs)

    return regulariser

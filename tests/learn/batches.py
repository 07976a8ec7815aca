"""Encoded batches made by hand or drawn, for the tests of losses over the whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from negatives.learn.encoded import EncodedBatch
from tests.learn.lists import table


def scored(
    scores: Sequence[Sequence[float]], width: int, labels: Tensor | None = None
) -> EncodedBatch:
    """A batch whose queries have these dot products with all documents of the pool."""
    n = len(scores)
    queries = torch.eye(n, dtype=torch.float64)
    docs = table(*scores).T.reshape(n, width, n)
    own = torch.zeros(n, n * width).bool()
    own[torch.arange(n), torch.arange(n) * width] = True
    return EncodedBatch(queries, docs, own, torch.ones(n, width).bool(), labels=labels)


def drawn(seed: int, n: int, width: int, dim: int = 5) -> EncodedBatch:
    generator = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    batch = scored(torch.zeros(n, n * width).tolist(), width, some(n, width))
    return replace(batch, queries=some(n, dim), docs=some(n, width, dim))

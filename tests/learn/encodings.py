"""Encoded batches made by hand or by hypothesis, for the tests of contrastive losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from negatives.learn.encoded import EncodedBatch

Rows = Sequence[Sequence[float]]


def diagonal(n: int, width: int) -> Tensor:
    """Each query's own positive alone is relevant to it."""
    relevant = torch.zeros(n, n * width, dtype=torch.bool)
    relevant[torch.arange(n), torch.arange(n) * width] = True
    return relevant


def batch_of(queries: Tensor, docs: Tensor, **known: Any) -> EncodedBatch:
    """A batch without fillers, of which only the diagonal is known unless `known` says more."""
    n, width = docs.shape[:2]
    about = {"relevant": diagonal(n, width), "present": torch.ones(n, width, dtype=torch.bool)}
    return EncodedBatch(queries, docs, **(about | known))


def of_similarities(similarities: Rows, **known: Any) -> EncodedBatch:
    """n queries and n * (1 + k) documents of these cosines, which are the dot products, too.

    The queries are at right angles to each other; what a document lacks of length 1 it has in a
    direction of its own.
    """
    wanted = torch.tensor(similarities, dtype=torch.float64)
    n, m = wanted.shape
    rest = (1 - (wanted**2).sum(0)).clamp(min=0).sqrt()
    docs = torch.cat([wanted.T, torch.diag(rest)], 1)
    queries = torch.cat([torch.eye(n), torch.zeros(n, m)], 1).double()
    return batch_of(queries, docs.reshape(n, m // n, n + m), **known)


def random_batch(n: int, k: int, seed: int = 0, dim: int = 5, **known: Any) -> EncodedBatch:
    drawn = torch.Generator().manual_seed(seed)
    queries = torch.randn(n, dim, generator=drawn, dtype=torch.float64)
    docs = torch.randn(n, 1 + k, dim, generator=drawn, dtype=torch.float64)
    return batch_of(queries.requires_grad_(), docs.requires_grad_(), **known)


@st.composite
def batches(draw: st.DrawFn) -> EncodedBatch:
    """1 to 4 rows of up to 3 negatives: some relevant to others, some fillers, doubts, a guide."""
    n, k, seed = draw(st.integers(1, 4)), draw(st.integers(0, 3)), draw(st.integers(0, 2**31))
    drawn = torch.Generator().manual_seed(seed)

    def some(*shape: int, share: float) -> Tensor:
        return torch.rand(*shape, generator=drawn) < share

    share = draw(st.sampled_from([0.0, 0.1, 0.4, 1.0]))
    relevant = diagonal(n, 1 + k) | some(n, n * (1 + k), share=share)
    present = torch.cat([torch.ones(n, 1).bool(), some(n, k, share=0.8)], 1)
    chances = torch.rand(n, 1 + k, generator=drawn, dtype=torch.float64)
    chances[some(n, 1 + k, share=0.2)] = math.nan
    grades = torch.randint(0, 4, (n, 1 + k), generator=drawn).double()
    return random_batch(
        n,
        k,
        seed,
        relevant=relevant,
        present=present,
        p_relevant=chances,
        labels=grades,
        guide=random_batch(n, k, seed + 1),
    )


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def plain(positive: float, negatives: Sequence[float]) -> float:
    """InfoNCE of logits, term by term."""
    return math.log1p(sum(math.exp(each - positive) for each in negatives))

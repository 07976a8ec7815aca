"""Synthetic negatives: mixtures of embeddings, harder than what they are made of."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.contrast import leave_out, lowest
from negatives.learn.focal import Focal
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.pairs import TrainingPairs, by_row
from negatives.optional import Tensor, torch

BelowPositive = Annotated[
    float, Meta(ge=-2, description="how much less similar than the positive they must be; -2: not")
]

VANISHED = 1e-6
"""Length below which a mixture of opposite vectors has no direction left."""


class Mixing(MultipleNegatives, kind="mixing"):
    """Multiple negatives, and mixtures of the hardest of them (MoCHi, Kalantidis et al., 2020).

    `pairs` mixtures are of two of a query's `hardest` negatives and `with_query` of one of them and
    the query itself, to less than a half. They are constants: only the query learns from them.
    Mixtures of false negatives are false negatives, so filter first; drawn from torch's generator.

    >>> from negatives import tiny
    >>> from negatives.learn.mixing import Mixing
    >>> tiny.losses(Mixing(temperature=0.5, pairs=0, with_query=0))
    [1.0, 1.53]
    >>> tiny.losses(Mixing(temperature=0.5, pairs=2, with_query=1))
    [1.56, 1.71]
    """

    hardest: Annotated[int, Meta(ge=1, description="negatives of a query that are mixed")] = 64
    pairs: Annotated[int, Meta(ge=0, description="mixtures of two negatives, for each query")] = 32
    with_query: Annotated[
        int, Meta(ge=0, description="mixtures of a negative and the query, for each query")
    ] = 8
    below_positive: BelowPositive = -2.0

    def check(self) -> None:
        """Mixtures stand on the unit sphere, and are made of negatives of the query."""
        super().check()
        _on_the_sphere(self)

    def _more(self, pairs: TrainingPairs, logits: Tensor) -> Tensor | None:
        if not self.pairs + self.with_query or not logits.shape[1]:
            return None
        with torch.no_grad():
            top, index = logits.topk(min(self.hardest, logits.shape[1]))
            if self.negatives == "hard":
                index = (
                    index
                    + 1
                    + torch.arange(len(index), device=index.device)[:, None] * (pairs.width)
                )
            count = (top > lowest(top)).sum(-1, keepdim=True)
            rows, (s, t) = len(index), (self.pairs, self.with_query)
            picked = _draw(count, s + s + t, rows)
            vectors = pairs.pool[index.gather(1, picked)]
            one, other, alone = vectors.split([s, s, t], 1)
            share = torch.rand(rows, s + t, 1, dtype=vectors.dtype, device=vectors.device)
            half = share[:, s:] / 2  # the negative outweighs the query
            mixed = torch.cat(
                [
                    torch.lerp(other, one, share[:, :s]),
                    torch.lerp(alone, pairs.unit_queries.unsqueeze(1).expand_as(alone), half),
                ],
                1,
            )
        return _against_mixtures(pairs, mixed, count == 0, self.below_positive)


class OnlineMixing(Focal, kind="online-mixing"):
    """Focal loss, and mixtures of each query's own negatives (KaLM-Embedding-V2, 2025).

    `pairs` mixtures are of two own negatives at a share drawn from Beta(2, 2); the list-wise one
    weighs them all by softmax(similarity / `list_temperature`). They are constants: only the query
    learns from them. Mixtures of false negatives are false negatives, so filter first.

    >>> from negatives import tiny
    >>> from negatives.learn.mixing import OnlineMixing
    >>> tiny.losses(OnlineMixing(temperature=0.5, pairs=0, list_wise=False))
    [0.8, 1.36]
    >>> tiny.losses(OnlineMixing(temperature=0.5))
    [0.97, 1.67]
    """

    pairs: Annotated[int, Meta(ge=0, description="mixtures of two own negatives")] = 1
    list_wise: Annotated[bool, Meta(description="one mixture of all own negatives, too")] = True
    list_temperature: Annotated[float, Meta(gt=0, description="of the list-wise mixture")] = 0.05
    below_positive: BelowPositive = -2.0

    def check(self) -> None:
        """Mixtures stand on the unit sphere."""
        super().check()
        _on_the_sphere(self)

    def _more(self, pairs: TrainingPairs, logits: Tensor) -> Tensor | None:
        own = pairs.unit_docs[:, 1:]
        if not (self.pairs or self.list_wise) or not own.shape[1]:
            return None
        with torch.no_grad():
            never = pairs.own_never()
            count = (~never).sum(-1, keepdim=True)
            made = []
            if self.pairs:
                order = (
                    never.to(torch.uint8).sort(dim=-1, stable=True).indices
                )  # what may be mixed, first
                rows = len(own)
                first = _draw(count, self.pairs, rows)
                step = 1 + _draw(count - 1, self.pairs, rows)  # another one, where there is one
                both = torch.cat([first, (first + step) % count.clamp(min=1)], 1)
                vectors = own.gather(
                    1, order.gather(1, both).unsqueeze(-1).expand(-1, -1, own.shape[-1])
                )
                # The middle of three uniform numbers has the law Beta(2, 2).
                share = torch.rand(rows, self.pairs, 3, dtype=own.dtype, device=own.device)
                left, right = vectors.chunk(2, 1)
                made.append(torch.lerp(right, left, share.median(-1, keepdim=True).values))
            if self.list_wise:
                scores = pairs.own() * (pairs.temperature / self.list_temperature)
                weights = leave_out(scores, never).softmax(-1)
                made.append(by_row(own.mT, weights).unsqueeze(1))
            mixed = torch.cat(made, 1)
        return _against_mixtures(pairs, mixed, count == 0, self.below_positive)


def _on_the_sphere(stage: MultipleNegatives) -> None:
    if stage.similarity != "cosine":
        raise RecipeError(
            f"{stage.kind}: mixtures have unit length, so similarity = {stage.similarity!r} "
            "would compare them with longer documents",
            fix='similarity = "cosine"',
        )


def _draw(count: Tensor, size: int, rows: int) -> Tensor:
    """int64[rows, size]: drawn with replacement from 0 to count - 1, `count` int64[rows, 1]."""
    uniform = torch.rand(rows, size, dtype=torch.float32, device=count.device)
    last = (count - 1).clamp(min=0)
    return (uniform * (last + 1)).long().minimum(last)


def _against_mixtures(
    pairs: TrainingPairs, mixed: Tensor, never: Tensor, below_positive: float
) -> Tensor:
    """float[n, s]: logits of each query and its mixtures `mixed` float[n, s, dim], constants.

    Rows `never` bool[n, 1] have none; of the others, those too near by `below_positive` are out.
    """
    with torch.no_grad():
        length = mixed.norm(dim=-1)
        mixed = mixed / length.clamp(min=VANISHED).unsqueeze(-1)
        never = never | (length < VANISHED)
    logits = by_row(mixed, pairs.queries)
    if below_positive > -2:
        with torch.no_grad():
            limit = pairs.positive() - below_positive / pairs.temperature
            never = never | (logits > limit.unsqueeze(-1))
    return leave_out(logits, never)

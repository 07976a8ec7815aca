"""What is alike by its meaning, to a second model, is drawn together, and not pushed apart."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from negatives.errors import DataError
from negatives.learn.contrast import against, leave_out, log_sum, lowest
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import TrainingPairs, times
from negatives.optional import Tensor, torch
from negatives.settings import ModelName
from negatives.stage import PositiveInt

_SAME = 1 - 1e-4
"""The guide's cosine from which two queries are one text."""


class SemanticPositives(Loss, kind="semantic-positives"):
    """In-batch negatives, and queries near their semantic neighbours (SRA-CL; Cui et al., 2025).

    Beside its document each query has a second positive: the mean of the queries of the batch that
    the guide holds for nearest to it, the nearer the heavier. Its negatives are the other queries;
    a neighbour is none of them, for it would be drawn near and pushed away at once, and neither is
    a query that one of its documents answers. A query without neighbours learns from its document
    alone. See the share of rows that had some, which `told()` gives: few do in small batches.

    >>> from negatives import tiny
    >>> from negatives.learn.semantic_positives import SemanticPositives
    >>> tiny.losses(SemanticPositives(temperature=0.5))
    [1.0, 1.53]
    """

    guide: Annotated[
        ModelName,
        Meta(description="encoder by whose cosines queries are alike; `static` is built in"),
    ] = "static"
    neighbours: Annotated[
        PositiveInt, Meta(description="queries of the batch that a second positive is made of")
    ] = 3
    least: Annotated[
        float, Meta(ge=-1, le=1, description="the guide's cosine that a neighbour has, at least")
    ] = 0.5
    sharpness: Annotated[
        float, Meta(gt=0, description="the guide's cosines are divided by it; small: one counts")
    ] = 0.1
    weight: Annotated[
        float, Meta(ge=0, description="how much the second positive counts against the first, at 1")
    ] = 0.1
    temperature: Annotated[float, Meta(gt=0, description="cosines are divided by it")] = 0.05

    def open(self) -> Losses:
        """The loss of each row of a batch; the guide's embeddings come with the batch."""
        return SemanticPositiveLosses(self)


class SemanticPositiveLosses:
    """`SemanticPositives` opened: a function of a batch that also counts rows with neighbours."""

    def __init__(self, settings: SemanticPositives) -> None:
        self.settings = settings
        self._rows: Any = 0
        self._with_neighbours: Any = 0

    def __call__(self, batch: EncodedBatch) -> Tensor:
        """float[n]"""
        if batch.guide is None:
            raise DataError(
                "semantic-positives: the batch holds no embeddings of the guide",
                fix="give LossModule the guide, or Encoded(guide=Encoded(...)) of the same texts",
            )
        settings = self.settings
        pairs = TrainingPairs(batch, "cosine", settings.temperature)
        documents = log_sum(leave_out(pairs.query_doc(), pairs.query_doc_never()))
        losses = against(pairs.positive(), documents)
        with torch.no_grad():
            alike = TrainingPairs(batch.guide, "cosine", 1.0).query_query()
            weights = neighbour_weights(
                alike, settings.neighbours, settings.least, settings.sharpness
            )
        some = weights.sum(-1) > 0
        self._rows += len(some)
        self._with_neighbours = self._with_neighbours + some.sum()
        if not settings.weight:
            return losses
        second = to_neighbours(pairs, weights.to(losses.dtype))
        return losses + settings.weight * torch.where(some, second, torch.zeros_like(second))

    def told(self) -> dict[str, float]:
        """Of all batches so far: the share of rows that had a neighbour in their batch."""
        return {"rows_with_neighbours": float(self._with_neighbours / max(self._rows, 1))}


def neighbour_weights(alike: Tensor, count: int, least: float, sharpness: float) -> Tensor:
    """float[n, n]: what each query's `count` nearest count, 1 together; 0 of a row without any.

    `alike: float[n, n]` are the guide's cosines of the queries. None is its own neighbour, nor is
    one of the same text; a neighbour has the cosine `least`.
    """
    never = (alike < least) | (alike > _SAME)
    never.fill_diagonal_(True)
    logits = leave_out(alike / sharpness, never)
    nearest = logits.topk(min(count, len(logits)), dim=-1)
    kept = torch.full_like(logits, lowest(logits)).scatter(-1, nearest.indices, nearest.values)
    return torch.where(never, torch.zeros_like(kept), kept.softmax(-1))


def to_neighbours(pairs: TrainingPairs, weights: Tensor) -> Tensor:
    """float[n]: cross entropy of each query's mean of neighbours among the other queries.

    `weights: float[n, n]` of the neighbours; neither they nor queries that share a document with
    it are negatives of a query.
    """
    means = torch.nn.functional.normalize(times(weights, pairs.unit_queries.T), dim=-1)
    positive = (pairs.queries * means).sum(-1)
    never = pairs.query_query_never() | (weights > 0)
    return against(positive, log_sum(leave_out(pairs.query_query(), never)))

"""A second model says which documents of the batch may be negatives."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from negatives.errors import DataError
from negatives.learn.contrast import against, joined, leave_out, log_sum, lowest
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import TrainingPairs
from negatives.optional import Tensor, torch
from negatives.settings import ModelName


class Guided(Loss, kind="guided"):
    """In-batch negatives but those the guide likes better than the positive (GISTEmbed, 2024).

    A copy of the positive is as near to the guide as the positive, not nearer, so the guide alone
    would keep it: it is masked because it is known to be relevant, as are texts with themselves.
    A weak guide masks real hard negatives, too: see the shares that `told()` gives.

    >>> from negatives import tiny
    >>> from negatives.learn.guided import Guided
    >>> tiny.losses(Guided(temperature=0.5))
    [1.26, 0.66]
    >>> tiny.losses(Guided(temperature=0.5, margin=-0.3))  # what it likes a bit better counts
    [1.26, 1.86]
    """

    guide: Annotated[
        ModelName, Meta(description="encoder that guides: a sentence-transformers name or folder")
    ] = "sentence-transformers/all-MiniLM-L6-v2"
    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 0.01
    margin: Annotated[
        float, Meta(description="a negative must be this much below the positive, to the guide")
    ] = 0.0
    margin_of: Annotated[
        Literal["absolute", "relative"],
        Meta(description="relative: the margin is a share of the positive's similarity"),
    ] = "absolute"
    contrast_anchors: Annotated[
        bool, Meta(description="the other queries are negatives of a query, too")
    ] = True
    contrast_positives: Annotated[
        bool, Meta(description="the other positives are negatives of a positive, too")
    ] = True

    def open(self) -> Losses:
        """The loss of each row of a batch; the guide's embeddings come with the batch."""
        return GuidedLosses(self)


class GuidedLosses:
    """`Guided` opened: a function of a batch that also counts what the guide masked."""

    def __init__(self, settings: Guided) -> None:
        self.settings = settings
        self._counts: dict[str, Any] = {}

    def __call__(self, batch: EncodedBatch) -> Tensor:
        """float[n]"""
        if batch.guide is None:
            raise DataError(
                "guided: the batch holds no embeddings of the guide",
                fix="give LossModule the guide, or Encoded(guide=Encoded(...)) of the same texts",
            )
        settings = self.settings
        pairs = TrainingPairs(batch, "cosine", settings.temperature)
        with torch.no_grad():
            guide = TrainingPairs(batch.guide, "cosine", 1.0)
            own = guide.positive()
            margin = settings.margin * (own.abs() if settings.margin_of == "relative" else 1.0)
            limit = (own - margin).unsqueeze(-1)
        sums = [
            self._block(
                "documents", pairs.query_doc(), pairs.query_doc_never(), guide.query_doc(), limit
            )
        ]
        if settings.contrast_anchors:
            never = pairs.query_query_never()
            sums.append(
                self._block("queries", pairs.query_query(), never, guide.query_query(), limit)
            )
        if settings.contrast_positives:
            never = pairs.positives_never()
            sums.append(
                self._block("positives", pairs.positives(), never, guide.positives(), limit)
            )
        log_negatives = joined(sums)
        empty = (log_negatives.detach() <= lowest(log_negatives) / 2).sum()
        self._count("rows", len(log_negatives), empty)
        return against(pairs.positive(), log_negatives)

    def told(self) -> dict[str, float]:
        """Of all batches so far: the share of otherwise negative pairs of each block that the guide
        masked, and of rows left without any negative, whose loss is 0.
        """
        return {
            f"{name}_{'without_negatives' if name == 'rows' else 'masked'}": float(hit / max(of, 1))
            for name, (of, hit) in self._counts.items()
        }

    def _block(
        self, name: str, logits: Tensor, never: Tensor, guided: Tensor, limit: Tensor
    ) -> Tensor:
        """float[n]: the log of the sum of one block's negatives, the guide's objections heeded."""
        nearer = guided > limit
        kept = never.sum()
        never = never | nearer
        self._count(name, never.numel() - kept, never.sum() - kept)
        return log_sum(leave_out(logits, never))

    def _count(self, name: str, of: Any, hit: Any) -> None:
        before = self._counts.get(name, (0, 0))
        self._counts[name] = before[0] + of, before[1] + hit

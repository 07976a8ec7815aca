"""A softmax over all documents, estimated from a few drawn negatives and how probable they were."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.contrast import against, leave_out, log_sum, weigh
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses, Similarity
from negatives.learn.pairs import TrainingPairs
from negatives.optional import Tensor


class SampledSoftmax(Loss, kind="sampled-softmax", kw_only=True):
    """Softmax of the positive against all documents, by drawn negatives (Bengio and Senecal, 2003).

    A negative drawn with probability q stands for 1 / (k q) documents, k being how many were drawn,
    so that the sum over them estimates the sum over all documents but the known positives, whatever
    the law they are drawn by: popular ones, drawn often, do not count too often (Yi et al., RecSys
    2019). One without log_q, such as a mined one, stands for itself alone.

    >>> from negatives import tiny
    >>> from negatives.learn.sampled_softmax import SampledSoftmax
    >>> tiny.losses(SampledSoftmax()), tiny.losses(SampledSoftmax(temperature=0.1))
    ([0.59, 0.89], [0.02, 2.13])
    """

    corrects: ClassVar[bool] = True
    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 1.0
    similarity: Similarity = "dot"

    @property
    def sees_own_alone(self) -> bool:
        """Always: what was drawn for others has another probability."""
        return True

    def open(self) -> Losses:
        """Of each row, -log of the positive's share."""

        def losses(batch: EncodedBatch) -> Tensor:
            pairs = TrainingPairs(batch, self.similarity, self.temperature)
            never, logits = pairs.own_never(), pairs.own()
            if batch.log_q is not None:
                log_q = batch.log_q[:, 1:].to(logits)
                drawn = log_q.isfinite() & ~never
                count = drawn.sum(-1, keepdim=True).clamp(min=1).to(logits)
                weigh(logits, -(log_q + count.log()).masked_fill(~drawn, 0.0))
            return against(pairs.positive(), log_sum(leave_out(logits, never)))

        return losses

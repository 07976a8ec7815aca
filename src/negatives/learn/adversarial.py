"""A retriever against a ranker: learn from it, and look for what it takes for the positive."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.lists import log_shares, scored, softplus
from negatives.learn.loss import ListLoss, Similarity
from negatives.optional import Tensor
from negatives.stage import Share

FLOOR = math.log(1e-7)
"""A ranker that is surer than this is taken to be this sure: one document must not rule a batch."""


class Adversarial(ListLoss, kind="adversarial", kw_only=True):
    """The retriever's loss of AR2 (Zhang et al., ICLR 2022), the ranker standing still.

    The labels are the ranker's logits. One part is the cross entropy with its softmax; the other
    raises what the ranker confounds with the positive, weighed by the log-probability that the
    positive beats it. Both are means over rows here, so that `share` means the same for batches of
    any size. False negatives look just like documents that fool a ranker: judge them first.

    >>> from negatives import tiny
    >>> from negatives.learn.adversarial import Adversarial
    >>> tiny.losses(Adversarial(share=0.0)), tiny.losses(Adversarial(share=1.0))
    ([0.72, 0.98], [0.66, 1.14])
    """

    taught: ClassVar[bool] = True

    similarity: Similarity = "dot"
    teacher_temperature: Annotated[
        float, Meta(gt=0, description="the ranker's logits are divided by it before the softmax")
    ] = 1.0
    share: Annotated[
        Share, Meta(description="of the adversarial part; 0 is distillation alone")
    ] = 0.5

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]; the positive itself is among what is raised, as in the paper's code."""
        logits, known = scored(labels, present, self.kind)
        student = log_shares(scores, known).masked_fill(~known, 0.0)
        ranker = log_shares(logits / self.teacher_temperature, known).exp()
        distilled = -(ranker * student).sum(-1)
        rewards = -softplus(logits - logits[:, :1]).clamp(max=-FLOOR)
        fooled = rewards.masked_fill(~(known & known[:, :1]), 0.0) * student
        return self.share * fooled.sum(-1) + (1 - self.share) * distilled

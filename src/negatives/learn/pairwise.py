"""Pair by pair: each negative of the batch against the positive, none hiding behind another."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.encoded import EncodedBatch
from negatives.learn.lists import softplus
from negatives.learn.loss import Loss, Losses, Similarity
from negatives.learn.pairs import TrainingPairs
from negatives.optional import Tensor


class Pairwise(Loss, kind="pairwise", kw_only=True):
    """The mean logistic loss over all negatives of the batch: STAR (Zhan et al., SIGIR 2021).

    Others' documents keep the whole ranking in place while the mined ones sharpen its top: a loss
    of mined negatives alone can be 0 while a document never seen comes first. Unlike in a softmax,
    an easy negative counts whatever the hard ones do. Of known relevant documents none counts.

    >>> from negatives import tiny
    >>> from negatives.learn.pairwise import Pairwise
    >>> tiny.losses(Pairwise()), tiny.losses(Pairwise(temperature=0.1))
    ([0.41, 0.53], [0.03, 0.85])
    """

    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 1.0
    similarity: Similarity = "dot"

    def open(self) -> Losses:
        """Each row's sum, so scaled that the mean of the rows is the mean of all pairs."""

        def losses(batch: EncodedBatch) -> Tensor:
            pairs = TrainingPairs(batch, self.similarity, self.temperature)
            never = pairs.query_doc_never()
            each = softplus(pairs.query_doc() - pairs.positive().unsqueeze(-1))
            total = each.masked_fill(never, 0.0).sum(-1)
            return total * len(total) / (~never).sum().clamp(min=1)

        return losses

"""Pair by pair: each negative against the positive, none hiding behind another."""

from __future__ import annotations

from typing import Annotated, Literal

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

    With `negatives = "hard"` those of the query alone count, which is BPR (Rendle et al., UAI 2009)
    where they are drawn at random.

    >>> from negatives import tiny
    >>> from negatives.learn.pairwise import Pairwise
    >>> tiny.losses(Pairwise()), tiny.losses(Pairwise(temperature=0.1))
    ([0.41, 0.53], [0.03, 0.85])
    >>> tiny.losses(Pairwise(negatives="hard"))
    [0.32, 0.49]
    """

    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 1.0
    similarity: Similarity = "dot"
    negatives: Annotated[
        Literal["all", "hard"], Meta(description="of a query: all of the batch, or its own alone")
    ] = "all"

    @property
    def sees_own_alone(self) -> bool:
        """Where its own negatives alone count."""
        return self.negatives == "hard"

    def open(self) -> Losses:
        """Each row's sum, so scaled that the mean of the rows is the mean of all pairs."""

        def losses(batch: EncodedBatch) -> Tensor:
            pairs = TrainingPairs(batch, self.similarity, self.temperature)
            own = self.negatives == "hard"
            never = pairs.own_never() if own else pairs.query_doc_never()
            logits = pairs.own() if own else pairs.query_doc()
            each = softplus(logits - pairs.positive().unsqueeze(-1))
            total = each.masked_fill(never, 0.0).sum(-1)
            return total * len(total) / (~never).sum().clamp(min=1)

        return losses

"""Negatives weighed by how plausible the model itself finds them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.lists import log_shares, softplus
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor


class SelfAdversarial(ListLoss, kind="self-adversarial", kw_only=True):
    """Each pair right or wrong by itself, hard negatives weighed up (RotatE; Sun et al., 2019).

    With s a score, the mean of -log sigmoid(margin + s) of the positive and of the sum over the
    negatives of w (-log sigmoid(-margin - s)), where w is the softmax of alpha * s: what the model
    takes for true counts most, as if it was drawn by the model. No gradient goes through w; with
    one, a model lowers its loss by raising scores of easy negatives. With alpha 0 all count alike,
    with a large one only the hardest. A cosine divided by 0.05 reaches from -20 to 20: a margin of
    -10 calls a pair right from .5 on. Models of knowledge graphs score by distances, from 0 down:
    there the margin is above 0, such as 9.

    >>> from negatives import tiny
    >>> from negatives.learn.self_adversarial import SelfAdversarial
    >>> tiny.losses(SelfAdversarial(temperature=1.0, margin=0.0))
    [0.61, 0.74]
    >>> tiny.losses(SelfAdversarial(temperature=1.0, margin=0.0, alpha=0.0))
    [0.49, 0.59]
    """

    temperature: Annotated[
        float, Meta(gt=0, description="similarities are divided by it; rerankers ignore it")
    ] = 0.05
    alpha: Annotated[
        float, Meta(ge=0, description="of scores in the weights; 0: all negatives count alike")
    ] = 1.0
    margin: Annotated[
        float, Meta(description="added to a score; at 0 a pair is as probably right as wrong")
    ] = -10.0

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]; of a row without negatives, that of its positive."""
        positive, negative = scores[:, 0], scores[:, 1:]
        there = present[:, 1:]
        right = softplus(-positive - self.margin)
        if not negative.shape[1]:
            return right / 2
        weights = log_shares((self.alpha * negative).detach(), there).exp()
        weights = weights.masked_fill(~there, 0.0)
        wrong = softplus(negative.masked_fill(~there, 0.0) + self.margin)
        return (right + (weights * wrong).sum(-1)) / 2

"""Pairs of a list weighed by what swapping them would change of a ranking metric."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from negatives.learn.lists import Target, relevance, row_mean, softplus
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor, torch


class LambdaRank(ListLoss, kind="lambda-rank", kw_only=True):
    """Pairwise logistic loss weighed by |change of nDCG or MRR| (Burges et al., 2006).

    ADORE (Zhan et al., SIGIR 2021) is `metric = "mrr"` on what the current model retrieves. Ranks
    are those of the scores within the list, ties in the list's order; no gradient goes through
    them. What is labelled wrong at the top of a list weighs most.

    >>> from negatives import tiny
    >>> from negatives.learn.lambda_rank import LambdaRank
    >>> tiny.losses(LambdaRank()), tiny.losses(LambdaRank(metric="mrr"))
    ([0.13, 0.16], [0.17, 0.21])
    """

    metric: Annotated[
        Literal["ndcg", "mrr"], Meta(description="mrr: the difference of 1 / rank of a pair")
    ] = "ndcg"
    cut: Annotated[int, Meta(ge=0, description="ranks beyond it count nothing; 0: all do")] = 0
    target: Annotated[
        Target, Meta(description="what is relevant: the first document, or by its label")
    ] = "positive"

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: the mean over the pairs of which one document is more relevant."""
        grades, known = relevance(scores, present, labels, self.target, self.kind)
        scores = scores.masked_fill(~known, 0.0)
        higher = (grades.unsqueeze(2) > grades.unsqueeze(1)) & _pairs(known)
        weights = self.changes(_ranks(scores.detach(), known), grades, known)
        losses = softplus(scores.unsqueeze(1) - scores.unsqueeze(2))
        return row_mean(weights * losses, higher)

    def changes(self, ranks: Tensor, grades: Tensor, known: Tensor) -> Tensor:
        """float[n, m, m]: how much the metric changes when two documents swap their places."""
        discount = 1 / ranks if self.metric == "mrr" else 1 / torch.log2(1 + ranks)
        if self.cut:
            discount = discount.masked_fill(ranks > self.cut, 0.0)
        moved = (discount.unsqueeze(2) - discount.unsqueeze(1)).abs()
        if self.metric == "mrr":
            return moved
        # Gains 2^grade - 1, divided by 2^(the row's highest grade): no grade is too high for them.
        grades = grades.masked_fill(~known, 0.0).clamp(min=0.0)
        top = grades.amax(-1, keepdim=True)
        gains = torch.exp2(grades - top) - torch.exp2(-top)
        places = torch.arange(1, grades.shape[1] + 1).to(grades)
        best = gains.sort(-1, descending=True).values / torch.log2(1.0 + places)
        ideal = (best[:, : self.cut] if self.cut else best).sum(-1).clamp(min=1e-12)
        gained = (gains.unsqueeze(2) - gains.unsqueeze(1)).abs()
        return moved * gained / ideal[:, None, None]


def _pairs(known: Tensor) -> Tensor:
    return known.unsqueeze(2) & known.unsqueeze(1)


def _ranks(scores: Tensor, known: Tensor) -> Tensor:
    """float[n, m]: the place of each document by its score, from 1; unknown ones come last."""
    order = scores.masked_fill(~known, -float("inf")).argsort(dim=-1, descending=True, stable=True)
    return order.argsort(-1).to(scores.dtype) + 1

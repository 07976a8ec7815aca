"""Each document by itself: relevant or not, or as relevant as its grade says."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.lists import Target, relevance, row_mean, softplus
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor


class Pointwise(ListLoss, kind="pointwise", kw_only=True):
    """Cross entropy of the sigmoid of each score, or the squared error of the score itself.

    The usual loss of a reranker. Seven negatives outweigh one positive unless `positive_weight`
    says otherwise.

    >>> from negatives import tiny
    >>> from negatives.learn.pointwise import Pointwise
    >>> tiny.losses(Pointwise()), tiny.losses(Pointwise(error="squared"))
    ([0.55, 0.64], [0.45, 0.6])
    >>> tiny.losses(Pointwise(target="labels", top_grade=3.0))
    [0.49, 0.62]
    """

    error: Annotated[
        Literal["cross-entropy", "squared"], Meta(description="of the sigmoid; of the score")
    ] = "cross-entropy"
    target: Annotated[
        Target, Meta(description="1 for the first document and 0 for others, or the labels")
    ] = "positive"
    top_grade: Annotated[
        float, Meta(gt=0, description="labels are divided by it, such as 3 for grades 0 to 3")
    ] = 1.0
    positive_weight: Annotated[
        float, Meta(gt=0, description="how much relevant documents count against others, at 1")
    ] = 1.0

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: the mean over each row's documents."""
        grades, known = relevance(scores, present, labels, self.target, self.kind)
        scores = scores.masked_fill(~known, 0.0)
        wanted = grades / (self.top_grade if self.target == "labels" else 1.0)
        if self.error == "squared":
            weights = 1 + (self.positive_weight - 1) * (wanted > 0)
            return row_mean(weights * (scores - wanted) ** 2, known)
        if bool(((wanted < 0) | (wanted > 1)).any()):
            raise RecipeError(
                f"pointwise: labels reach from {float(grades.min()):g} to {float(grades.max()):g}, "
                f"and cross entropy wants 0 to top_grade = {self.top_grade:g}",
                where="learn.top_grade",
                fix='set top_grade to the highest grade, or error = "squared"',
            )
        found = self.positive_weight * wanted * softplus(-scores)
        return row_mean(found + (1 - wanted) * softplus(scores), known)

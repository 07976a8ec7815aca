"""Dice: relevant or not, counted as F1 counts, for lists of which few documents are relevant."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from negatives.learn.lists import Target, relevance, row_mean, softplus
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor
from negatives.stage import Share


class Dice(ListLoss, kind="dice", kw_only=True):
    """Self-adjusting dice loss of the sigmoid of the scores (Li et al., ACL 2020).

    With p' = (1 - p)^alpha p and y relevant or not: 1 - (2 p' y + smooth) / (p' + y + smooth). A
    positive's loss is least at p = 1 / (1 + alpha), not at 1, and a large alpha lets hard negatives
    vanish with the easy ones, so keep it small. A document is relevant whose label is above 0.
    Probabilities learned so are not calibrated.

    >>> from negatives import tiny
    >>> from negatives.learn.dice import Dice
    >>> tiny.losses(Dice()), tiny.losses(Dice(over="list"))
    ([0.23, 0.25], [0.33, 0.37])
    """

    alpha: Annotated[float, Meta(ge=0, description="how much less easy documents count")] = 0.01
    smooth: Annotated[
        float, Meta(gt=0, description="added above and below; small: negatives alone teach nothing")
    ] = 1.0
    over: Annotated[
        Literal["document", "list"], Meta(description="one ratio a document, or one of sums a list")
    ] = "document"
    denominator: Annotated[
        Literal["plain", "squared"], Meta(description="whether p' and y are squared below")
    ] = "plain"
    false_positives: Annotated[
        Share, Meta(description="their weight against false negatives' (Tversky); 0.5: dice")
    ] = 0.5
    negatives_per_positive: Annotated[
        float, Meta(ge=0, description="only the highest so many negatives count; 0: all")
    ] = 0.0
    target: Annotated[
        Target, Meta(description="what is relevant: the first document, or by its label")
    ] = "positive"

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n], each between 0 and 1."""
        grades, known = relevance(scores, present, labels, self.target, self.kind)
        scores = scores.masked_fill(~known, 0.0)
        counted = self.counted(scores.detach(), grades > 0, known)
        wanted = (grades > 0).to(scores.dtype) * counted
        # In logs: near p = 1 the slope of (1 - p)^alpha has no bound, that of its logarithm has.
        easy = (-softplus(-scores) - self.alpha * softplus(scores)).exp() * counted
        found = easy * wanted
        said = easy**2 if self.denominator == "squared" else easy
        if self.over == "list":
            found, said, wanted = (each.sum(-1, keepdim=True) for each in (found, said, wanted))
            counted = counted.any(-1, keepdim=True)
        below = 2 * (self.false_positives * said + (1 - self.false_positives) * wanted)
        return row_mean(1 - (2 * found + self.smooth) / (below + self.smooth), counted)

    def counted(self, scores: Tensor, relevant: Tensor, known: Tensor) -> Tensor:
        """bool[n, m]: the documents that count, ties of negatives in the list's order."""
        if not self.negatives_per_positive:
            return known
        negative = known & ~relevant
        order = scores.masked_fill(~negative, -float("inf")).argsort(
            dim=-1, descending=True, stable=True
        )
        kept = ((known & relevant).sum(-1, keepdim=True) * self.negatives_per_positive).floor()
        return known & (relevant | (order.argsort(-1) < kept))

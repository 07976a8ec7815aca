"""List-wise softmax: one positive, several, or graded ones, against the rest of the list."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from negatives.learn.lists import Target, log_shares, relevance
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor


class SoftmaxList(ListLoss, kind="softmax-list", kw_only=True):
    """Cross entropy of a list's softmax with the shares that its documents ought to have.

    `positive`: everything to the first. `shares`: in proportion to the labels above 0, so several
    positives share evenly. `softmax`: the softmax of the labels, which is ListNet (Cao et al.,
    2007). The last two need labels.

    >>> from negatives import tiny
    >>> from negatives.learn.softmax_list import SoftmaxList
    >>> tiny.losses(SoftmaxList()), tiny.losses(SoftmaxList(target="shares"))
    ([0.59, 0.89], [0.69, 0.82])
    """

    target: Annotated[
        Literal["positive", "shares", "softmax"],
        Meta(description="what a list's softmax ought to be"),
    ] = "positive"

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]; 0 for a row whose labels call nothing relevant."""
        by: Target = "positive" if self.target == "positive" else "labels"
        grades, known = relevance(scores, present, labels, by, self.kind)
        if self.target == "softmax":
            wanted = log_shares(grades, known).exp()
        else:
            gains = grades.clamp(min=0.0)
            wanted = gains / gains.sum(-1, keepdim=True).clamp(min=1e-12)
        wanted = wanted.masked_fill(~known, 0.0)
        return -(wanted * log_shares(scores, known)).sum(-1)

"""The order of a list, kept with margins that grow with the distance in rank."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.lists import row_mean, scored
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor


class RankHinge(ListLoss, kind="rank-hinge", kw_only=True):
    """A better document scores higher by `margin` times the ranks between (BRIO, Liu et al., 2022).

    The loss by which a model is calibrated to a metric's order of its candidates (Adams et al., ACL
    2023). Ranks are those of the labels; documents of equal labels share a rank and are not
    compared.

    >>> from negatives import tiny
    >>> from negatives.learn.rank_hinge import RankHinge
    >>> tiny.losses(RankHinge()), tiny.losses(RankHinge(margin=0.5))
    ([0.0, 0.1], [0.05, 0.35])
    """

    taught: ClassVar[bool] = True

    margin: Annotated[
        float, Meta(ge=0, description="by how much scores differ for each rank between")
    ] = 0.001

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: for each distance in rank the mean over its pairs; their sum."""
        grades, known = scored(labels, present, self.kind)
        scores = scores.masked_fill(~known, 0.0)
        pairs = known.unsqueeze(2) & known.unsqueeze(1)
        above = ((grades.unsqueeze(1) > grades.unsqueeze(2)) & pairs).sum(-1)
        gaps = above.unsqueeze(1) - above.unsqueeze(2)
        short = scores.unsqueeze(1) - scores.unsqueeze(2) + self.margin * gaps.to(scores)
        losses = 0 * scores.sum(-1)  # a row without pairs has a slope too: 0
        for gap in range(1, scores.shape[1]):
            losses = losses + row_mean(short.clamp(min=0.0), (gaps == gap) & pairs)
        return losses

"""A reranker's two questions at once: is this one relevant, and which of these is?"""

from __future__ import annotations

from negatives.learn.lists import log_shares, softplus
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor


class PairwiseListwise(ListLoss, kind="pairwise-listwise"):
    """The joint loss of UniME-V2's reranker (Gu et al., 2026), of scores in place of words.

    Yes to the positive and no to the hardest negative, as cross entropies of the sigmoid; plus the
    cross entropy of finding the positive in its list. The hardest negative is the one that scores
    highest now.

    >>> from negatives import tiny
    >>> from negatives.learn.pairwise_listwise import PairwiseListwise
    >>> tiny.losses(PairwiseListwise())
    [1.94, 2.49]
    """

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: the plain sum of the three; labels are not used."""
        scores = scores.masked_fill(~present, 0.0)
        listwise = -log_shares(scores, present)[:, 0] + softplus(-scores[:, 0])
        losses = listwise.masked_fill(~present[:, 0], 0.0)
        if scores.shape[1] == 1:
            return losses
        negatives = scores[:, 1:].masked_fill(~present[:, 1:], -float("inf")).amax(-1)
        some = present[:, 1:].any(-1)
        return losses + softplus(negatives.masked_fill(~some, 0.0)).masked_fill(~some, 0.0)

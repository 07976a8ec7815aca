"""Labels that may be wrong, and a model of how they come to be: learned together, by id."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.encoded import EncodedBatch
from negatives.learn.lists import row_mean
from negatives.learn.loss import Loss, Losses
from negatives.optional import Tensor, torch
from negatives.schema import Side


class Flip(Loss, kind="flip", kw_only=True):
    """The likelihood of labels of which some are flipped: NBPO (Yu and Qin, SIGIR 2020).

    A query likes a document with probability sig(R), R being the product of their first vectors;
    a like goes unseen with probability sig(g), g the product of their second ones. So a positive
    has the probability sig(R) sig(-g), and what is not known 1 - sig(R) sig(-g): a false negative
    is explained by a flip, and does not push R down. R alone ranks. Each step climbs the bound of
    the likelihood in which what each of the two models says of the other is held fixed.

    g begins far below 0, so that at first hardly a label is taken for wrong: at 0 flips alone could
    explain the data. As g goes to minus infinity the loss is `pointwise` with dot products.

    >>> from negatives import tiny
    >>> from negatives.learn.flip import Flip
    >>> tiny.losses(Flip())
    [1.17, 1.22]
    """

    parts: ClassVar[int] = 2
    positive_weight: Annotated[
        float, Meta(gt=0, description="how much the positive counts against a negative, at 1")
    ] = 1.0

    @property
    def similarity(self) -> str:
        """Of the first vectors."""
        return "dot"

    @property
    def sees_own_alone(self) -> bool:
        """Always: it is a loss of single pairs."""
        return True

    def starts(self, side: Side, part: int) -> tuple[float, float]:
        """Likes above 0, flips far below: products of numbers of other signs, five times as
        large."""
        if part == 0:
            return 0.0, 1.0
        return (0.0, 5.0) if side == "queries" else (-5.0, 0.0)

    def open(self) -> Losses:
        """The mean over the documents of each row of what is to be climbed, with a minus."""

        def losses(batch: EncodedBatch) -> Tensor:
            (query, doubt), (docs, doubts) = (
                vectors.chunk(2, dim=-1) for vectors in (batch.queries, batch.docs)
            )
            like = (docs @ query.unsqueeze(-1)).squeeze(-1)
            flip = (doubts @ doubt.unsqueeze(-1)).squeeze(-1)
            gains = unseen(like, flip)
            gains = torch.cat(
                [self.positive_weight * seen(like[:, :1], flip[:, :1]), gains[:, 1:]], dim=1
            )
            return row_mean(-gains, batch.present)

        return losses


def seen(like: Tensor, flip: Tensor) -> Tensor:
    """What a positive climbs: log sig(R), as far as it is not flipped, and log sig(-g)."""
    by_like, by_flip = like.detach().sigmoid(), (-flip.detach()).sigmoid()
    return by_flip * logsigmoid(like) + by_like * logsigmoid(-flip)


def unseen(like: Tensor, flip: Tensor) -> Tensor:
    """What an unlabelled pair climbs: not liked; or liked and flipped."""
    by_like, by_flip = like.detach().sigmoid(), flip.detach().sigmoid()
    return logsigmoid(-like) + by_flip * logsigmoid(like) + by_like * logsigmoid(flip)


def logsigmoid(values: Tensor) -> Tensor:
    """log of 1 / (1 + exp(-x)), for any x."""
    return torch.nn.functional.logsigmoid(values)

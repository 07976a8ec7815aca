"""Rows that are not yet learned count more."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Losses
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.optional import Tensor


class Focal(MultipleNegatives, kind="focal"):
    """Multiple negatives, each row weighed by (1 - p)^gamma (KaLM-Embedding-V2, Zhao et al., 2025).

    p = exp(-loss) is the probability of the positive. The weight is a constant of the step: no
    gradient goes through it. The highest weight goes to rows whose label is wrong, so filter first.

    >>> from negatives import tiny
    >>> from negatives.learn.focal import Focal
    >>> tiny.losses(Focal(temperature=0.5, gamma=0)), tiny.losses(Focal(temperature=0.5, gamma=2))
    ([1.0, 1.53], [0.4, 0.94])
    """

    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 0.01
    gamma: Annotated[float, Meta(ge=0, description="0 weighs all rows the same")] = 0.5

    def open(self) -> Losses:
        """The weighed loss of each row of a batch."""
        plain = super().open()

        def losses(batch: EncodedBatch) -> Tensor:
            found = plain(batch)
            missed = -(-found.detach()).expm1()  # 1 - p
            return found * missed**self.gamma

        return losses

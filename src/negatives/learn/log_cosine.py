"""Cosines as if they were probabilities, a query's own documents by themselves."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.lists import row_mean
from negatives.learn.loss import ListLoss
from negatives.optional import Tensor

_LEAST = 1e-6


class LogCosine(ListLoss, kind="log-cosine", kw_only=True):
    """-log((1 + s) / 2) of the positive, and -log(1 - s) of each negative (TRIS, Liu et al. 2023).

    The second is what TRIS has for expressions of other objects of the same image. It is below 0
    where a cosine is, by log 2 at most, and a cosine of 1 counts as 1 - 1e-6. The first is moved so
    that a positive with a cosine below 0 is drawn nearer, too. Without negatives it is the first
    alone.

    >>> from negatives import tiny
    >>> from negatives.learn.log_cosine import LogCosine
    >>> tiny.losses(LogCosine(weight=0.0)), tiny.losses(LogCosine())
    ([0.0, 0.22], [0.11, 0.68])
    """

    weight: Annotated[float, Meta(ge=0, description="of the negatives' mean, beside 1")] = 1.0

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n] of cosines; what is above 1 or below -1 counts as that."""
        near = scores.masked_fill(~present, 0.0).clamp(-1 + _LEAST, 1 - _LEAST)
        positive = -((1 + near[:, 0]) / 2).log()
        return positive + self.weight * row_mean(-(1 - near[:, 1:]).log(), present[:, 1:])

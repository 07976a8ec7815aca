"""Distributional dispreference: a wrong response against several of the model's own.

Duan et al. 2024, Negating Negatives: Alignment without Human Positive Samples:

    z = (beta / K) sum_k log-ratio(right_k) - alpha log-ratio(wrong),   loss = -log sigmoid(z)

with log-ratios of sums against the model as it was. The mean over K stands inside of the sigmoid: a
distribution is compared, and the loss is at most the mean of K losses of DPO. With K = 1 and alpha
= beta it is DPO.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Beta, SequenceLoss, Unit
from negatives.learn.sequence.preference import smoothed
from negatives.optional import Tensor
from negatives.stage import PositiveInt


class D2O(SequenceLoss, kind="d2o"):
    """Away from a wrong response, towards the mean of several that are not wrong.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.d2o import D2O
    >>> batch = Sequences.of(
    ...     [[0.5], [-0.2], [0.3], [-2.0]],
    ...     right=[True, True, True, False], example=[0] * 4, references=[0.0] * 4,
    ... )
    >>> round(D2O(beta=0.1, alpha=0.1).of(batch).item(), 6)
    0.589185
    """

    unit: ClassVar[Unit] = "several"
    needs_references: ClassVar[bool] = True
    beta: Beta = 0.1
    alpha: Annotated[float, Meta(gt=0, description="of the wrong response")] = 0.1
    anchors: Annotated[PositiveInt, Meta(description="right responses of a prompt, at most")] = 11

    @property
    def right_each(self) -> int:
        """As `anchors` says."""
        return self.anchors

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        towards = self.beta * batch.per_example(batch.ratios, batch.right)
        away = self.alpha * batch.per_example(batch.ratios, ~batch.right)
        return smoothed(towards - away, 0.0)

"""Responses that are good or bad by themselves, without pairs.

Ethayarajh et al. 2024, KTO: Model Alignment as Prospect Theoretic Optimization: with r the log-
ratio of a response against the model as it was (of sums), and z0 the mean of the ratios of the
batch, at least 0 and a constant,

    right   1 - sigmoid(beta (r - z0))
    wrong   1 - sigmoid(beta (z0 - r))

The paper's z0 is an estimate of the divergence from responses of other prompts; here it is from the
batch's own responses, as in its variants for small batches, so that no sequence is read twice.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Beta, SequenceLoss, Unit
from negatives.optional import Tensor, torch


class KTO(SequenceLoss, kind="kto"):
    """Good responses above the batch's mean change, bad ones below it.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.kto import KTO
    >>> batch = Sequences.of(
    ...     [[-1.0], [-1.0]], right=[True, False], example=[0, 1], references=[-1.0, -1.0]
    ... )
    >>> KTO().of(batch).tolist()
    [0.5, 0.5]
    """

    unit: ClassVar[Unit] = "each"
    needs_references: ClassVar[bool] = True
    whole_batch: ClassVar[bool] = True
    beta: Beta = 0.1
    right_weight: Annotated[float, Meta(ge=0, description="of the right responses")] = 1.0
    wrong_weight: Annotated[float, Meta(ge=0, description="of the wrong responses")] = 1.0

    def check(self) -> None:
        """Of weights that are all 0 nothing is learned."""
        if not self.right_weight and not self.wrong_weight:
            raise RecipeError(
                "neither right nor wrong responses count, so that nothing is learned",
                where="learn.right_weight, learn.wrong_weight",
                fix="give one of them a weight above 0",
            )

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        ratios = batch.ratios
        level = ratios.detach().mean().clamp(min=0)
        side = torch.where(batch.right, 1.0, -1.0)
        losses = 1 - torch.sigmoid(self.beta * side * (ratios - level))
        weights = torch.where(batch.right, self.right_weight, self.wrong_weight)
        return batch.per_example(weights * losses)

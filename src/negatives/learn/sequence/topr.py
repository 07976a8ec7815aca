"""Off-policy REINFORCE of right and wrong responses, in which wrong ones fade.

Le Roux et al. 2025, Tapered Off-Policy REINFORCE: with reward R = 1 of a right response and -1 of a
wrong one, less a baseline c,

    loss = -rho (R - c) log pi(y|x), of sums;   rho = 1 where R - c >= 0, else min(1, pi / mu)

rho is a constant to the gradient, and mu what the responses were drawn from: here the model as it
was. The taper is what keeps a wrong response from being pushed down for ever. The baseline mixes
the data: of right responses a share p counts as p (1 - c) / (1 + (1 - 2p) c).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.errors import InputError
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss, Unit
from negatives.optional import Tensor, torch


class TOPR(SequenceLoss, kind="topr"):
    """Right responses up, wrong ones down, as far as they still are what the model would say.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.topr import TOPR
    >>> batch = Sequences.of(
    ...     [[-5.0], [-5.0], [-3.0]],
    ...     right=[True, False, False], example=[0, 1, 2], references=[-4.0] * 3,
    ... )
    >>> [round(value, 6) for value in TOPR().of(batch).tolist()]
    [5.0, -1.839397, -3.0]
    """

    unit: ClassVar[Unit] = "each"
    needs_references: ClassVar[bool] = True
    baseline: Annotated[
        float, Meta(gt=-1, lt=1, description="taken from the rewards 1 and -1: mixes the data")
    ] = 0.0

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        reward = torch.where(batch.right, 1.0, -1.0) - self.baseline
        ratio = batch.ratios.detach().clamp(max=0).exp()
        taper = torch.where(reward >= 0, torch.ones_like(ratio), ratio)
        return batch.per_example(-taper * reward * batch.sums)


def effective_share(right: float, baseline: float) -> float:
    """Of a share `right` of right responses, the share that it counts as with a baseline.

    >>> from negatives.learn.sequence.topr import effective_share
    >>> [round(effective_share(0.4, c), 6) for c in (-0.5, 0.0, 0.5)]
    [0.666667, 0.4, 0.181818]
    """
    if not 0 <= right <= 1 or not -1 < baseline < 1:
        raise InputError(
            f"a share of right responses of {right:g} with a baseline of {baseline:g}",
            fix="a share is from 0 to 1, a baseline between -1 and 1",
        )
    return right * (1 - baseline) / (1 + (1 - 2 * right) * baseline)

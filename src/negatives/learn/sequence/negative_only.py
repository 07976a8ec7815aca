"""Reinforcement from wrong responses: their probability goes to what else the model would say.

Wu et al. 2025, Model-Task Alignment Drives Distinct RL Outcomes; Zhu et al. 2025, The Surprising
Effectiveness of Negative Reinforcement: advantage -1 of a wrong response and `right_weight` of a
right one (0: wrong ones alone), with the ratio of each token clipped as in PPO:

    loss = -mean_t min(rho_t A, clip(rho_t, 1 - low, 1 + high) A),   rho_t = pi_t / pi_ref,t

Lowering a token raises all others in proportion to what the model gives them already. So it helps
only a model that often has the right answer among some tries: look at pass@k first.
"""

from __future__ import annotations

from math import comb
from typing import Annotated

from msgspec import Meta

from negatives.errors import InputError
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss, Unit
from negatives.optional import Tensor, torch


class NegativeOnly(SequenceLoss, kind="negative-only"):
    """Punish wrong responses, and reward right ones a little or not at all.

    >>> from negatives.learn.sequence.negative_only import NegativeOnly
    >>> NegativeOnly().unit, NegativeOnly(right_weight=0.1).unit
    ('wrong', 'each')
    """

    right_weight: Annotated[
        float, Meta(ge=0, description="advantage of a right response; 0: wrong ones alone")
    ] = 0.0
    low: Annotated[float, Meta(gt=0, lt=1, description="how far below 1 a ratio counts")] = 0.2
    high: Annotated[float, Meta(gt=0, description="how far above 1 a ratio counts")] = 0.28

    @property
    def unit(self) -> Unit:  # type: ignore[override]
        """Wrong responses, or each."""
        return "each" if self.right_weight else "wrong"

    @property
    def needs_frozen(self) -> bool:
        """Always: the ratio is of tokens."""
        return True

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        ratio = (batch.log_probs - batch.as_it_was.log_probs).exp()
        sides = torch.where(batch.right, self.right_weight, -1.0)
        advantage = sides.to(ratio.dtype)[batch.row]
        clipped = ratio.clamp(1 - self.low, 1 + self.high)
        each = -torch.minimum(ratio * advantage, clipped * advantage)
        return batch.per_example(batch.averaged(each))


def pass_at(k: int, tries: int, right: int) -> float:
    """How probably one of `k` responses drawn of `tries`, of which some are right, is right.

    >>> from negatives.learn.sequence.negative_only import pass_at
    >>> [round(pass_at(k, 10, 3), 6) for k in (1, 2, 5, 8)]
    [0.3, 0.533333, 0.916667, 1.0]
    """
    if not 1 <= k <= tries or not 0 <= right <= tries:
        raise InputError(
            f"of {tries} tries, {right} of them right, {k} cannot be drawn",
            where="k",
            fix="give a k from 1 to the number of tries",
        )
    return 1 - comb(tries - right, k) / comb(tries, k)

"""Weighted gradient ascent: tokens that are improbable already are left alone.

Wang et al. 2025, Rethinking LLM Unlearning Objectives: gradient ascent of which each token counts
p^power, a constant to the gradient:

    forget = mean_t p_t^power log p_t
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Forgetting
from negatives.optional import Tensor


class WeightedAscent(Forgetting, kind="weighted-ascent"):
    """Gradient ascent by tokens, each as far as the model still expects it.

    >>> from math import log
    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.wga import WeightedAscent
    >>> batch = Sequences.of([[log(0.5)]], right=[False], example=[0])
    >>> round(WeightedAscent(retain="none").of(batch).item(), 6)
    -0.346574
    """

    power: Annotated[float, Meta(ge=0, description="of a token's probability; 0: ascent")] = 1.0

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: p^power log p, the mean over tokens."""
        weights = (self.power * batch.log_probs.detach()).exp()
        return batch.averaged(weights * batch.log_probs)

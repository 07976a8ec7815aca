"""Unlikelihood: every token of a wrong response is made improbable, with a bound.

Welleck et al. 2020, Neural Text Generation with Unlikelihood Training:

    forget = -mean_t log(1 - pi(y_t | x, y_<t))
"""

from __future__ import annotations

from typing import Final

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Forgetting
from negatives.optional import Tensor, torch

SURE: Final = -1e-6
"""Largest log-probability of a token of which the complement is taken, so that it has a log."""


class Unlikelihood(Forgetting, kind="unlikelihood"):
    """Push the tokens of wrong responses down: hardest those that are probable.

    >>> from math import log
    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.unlikelihood import Unlikelihood
    >>> batch = Sequences.of([[log(0.5)]], right=[False], example=[0])
    >>> round(Unlikelihood(retain="none").of(batch).item(), 6)
    0.693147
    """

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: -log(1 - p), the mean over tokens."""
        return batch.averaged(-torch.log(-torch.expm1(batch.log_probs.clamp(max=SURE))))

"""Gradient ascent: the likelihood of what is to be forgotten is made small, without a bound.

    forget = mean_t log pi(y_t | x, y_<t)

Yao et al. 2023, Large Language Model Unlearning; with the likelihood of what is to be kept
(`retain = "nll"`) it is *gradient difference* (Liu et al. 2022; Maini et al. 2024, TOFU). Its
gradient does not fade as a text becomes improbable, so it must be stopped in time.
"""

from __future__ import annotations

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Forgetting
from negatives.optional import Tensor


class GradientAscent(Forgetting, kind="gradient-ascent"):
    """Make what is to be forgotten improbable; a mean over tokens, so that long texts count alike.

    >>> from negatives.learn.sequence.ascent import GradientAscent
    >>> from negatives.learn.sequence.batch import Sequences
    >>> batch = Sequences.of([[-1.0, -3.0], [-0.5]], right=[False, True], example=[0, 0])
    >>> GradientAscent().of(batch).tolist(), GradientAscent(retain="none").of(batch).tolist()
    ([-1.5], [-2.0])
    """

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: the mean log-probability of each response's tokens."""
        return batch.means

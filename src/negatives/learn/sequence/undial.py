"""Self-distillation with adjusted logits: what is to be forgotten becomes one token less probable.

Dong et al. 2024, UNDIAL: the model learns the distribution that it had itself, in which the logit
of the true token is lowered by `strength`:

    target = softmax(logits of the model as it was - strength * one-hot(y_t))
    forget = mean_t cross-entropy(target, pi)

It is bounded below by the entropy of the target, so that it does not diverge; with `strength` 0 its
gradient at the start is 0. Tokens of the prompt and padding are no part of it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Forgetting
from negatives.optional import Tensor, torch


class UNDIAL(Forgetting, kind="undial"):
    """Learn one's own distribution without so much of the true token.

    >>> import torch
    >>> from negatives.learn.sequence.undial import UNDIAL, adjusted
    >>> made = adjusted(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([0]), 3.0)
    >>> [round(p, 6) for p in made[0].tolist()]
    [0.090031, 0.665241, 0.244728]
    """

    strength: Annotated[float, Meta(ge=0, description="taken from the true token's logit")] = 10.0

    @property
    def needs_frozen(self) -> bool:
        """Always: its own distribution is the target."""
        return True

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: cross-entropy, the mean over tokens."""
        before = batch.as_it_was.known("logits")
        target = adjusted(before, batch.known("targets"), self.strength)
        return batch.averaged(-(target * batch.known("logits").log_softmax(-1)).sum(-1))


def adjusted(logits: Tensor, tokens: Tensor, strength: float) -> Tensor:
    """float[m, vocabulary]: probabilities with `strength` taken from each token's own logit."""
    taken = torch.zeros_like(logits).scatter(-1, tokens[:, None], strength)
    return (logits - taken).softmax(-1)

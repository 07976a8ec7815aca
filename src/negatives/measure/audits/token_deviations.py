"""How high the log-probability of each token of a text stands among all that might be in its place.

Zhang et al. 2024, "Min-K%++": a token that was learned is a peak of what the model holds possible,
whatever its probability is. z = (log p - mu) / sigma, with the mean and the deviation of log p over
the vocabulary, each token counted as often as the model expects it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from negatives.arrays import Floats
from negatives.events import Progress
from negatives.models.causal_lm import CausalLM
from negatives.optional import Tensor, torch

LEAST: Final = 1e-6
"""A deviation, at least: where all tokens are alike probable, or one is certain, there is none."""


def token_deviations(model: CausalLM, texts: Sequence[str]) -> list[Floats]:
    """float32[tokens] of each text, of all of its tokens that something predicts."""
    found = []
    for done, text in enumerate(texts, start=1):
        model.emit(Progress("read", done, len(texts), "texts"))
        item = model.item("", text)
        given, mask = model.padded([item.tokens[:-1]])
        cache, parts = None, [torch.empty(0, dtype=torch.float64, device=model.device)]
        for start in range(0, given.shape[1], model.step):
            some, stop = given[:, start : start + model.step], start + model.step
            out = model.read(some, mask[:, :stop], cache, keep=some.shape[1])
            cache = out.past_key_values
            after = torch.tensor(item.tokens[start + 1 : stop + 1], device=model.device)
            parts.append(deviations(out.logits[0, -some.shape[1] :], after))
        found.append(torch.cat(parts)[item.first - 1 :].float().cpu().numpy())
    return found


def deviations(logits: Tensor, tokens: Tensor) -> Tensor:
    """float64[n]: z of `tokens` int64[n] by `logits` float[n, vocabulary].

    >>> import torch
    >>> from negatives.measure.audits.token_deviations import deviations
    >>> logits = torch.tensor([[2.0, 1.0, 0.0]])
    >>> [round(float(deviations(logits, torch.tensor([token]))), 3) for token in range(3)]
    [0.652, -0.883, -2.418]
    """
    said = logits.double().log_softmax(-1)
    expected = said.exp()
    # 0 * -inf of a token that cannot be is nought.
    said_there = said.masked_fill(expected == 0, 0.0)
    mean = (expected * said_there).sum(-1)
    variance = (expected * (said_there - mean[:, None]) ** 2).sum(-1)
    own = said.gather(1, tokens[:, None])[:, 0]
    made: Tensor = (own - mean) / variance.sqrt().clamp(min=LEAST)
    return made

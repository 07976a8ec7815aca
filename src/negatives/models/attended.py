"""How much of a local model's attention goes to each token of a text, from the tokens of its end.

What comes before the end is read once, without its attention; then the end is read after it. So the
attention of all tokens to all is never held, and several ends of one beginning cost little more
than one: the keys and values of the beginning are kept.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.models.causal_lm import CausalLM

_ROWS: Final = 512
"""Tokens that are read at once, at most."""


def attended(
    model: CausalLM, beginning: Sequence[int], ends: Sequence[Sequence[int]]
) -> list[Doubles]:
    """float64[layers, heads, tokens] of each end: attention to each token of beginning and end.

    A mean over the tokens of the end, of weights that add up to 1: those of a layer's head do.
    Neither `beginning` nor an end is empty, and both together are at most `model.longest` tokens.
    """
    if not model.reads_attention:
        raise DataError(
            "the model was opened without attention", where=model.name, fix="attention=True"
        )
    cache = _read(model, beginning)
    last = len(ends) - 1
    return [
        _of_end(model, beginning, end, cache if number == last else copy.deepcopy(cache))
        for number, end in enumerate(ends)
    ]


def _read(model: CausalLM, tokens: Sequence[int]) -> Any:
    """The keys and values of a beginning."""
    read, mask = model.padded([tokens])
    rows = _within(model.memory, 16 * model.heads * len(tokens))
    cache = None
    for start in range(0, len(tokens), rows):
        stop = min(start + rows, len(tokens))
        cache = model.read(read[:, start:stop], mask[:, :stop], cache).past_key_values
    return cache


def _of_end(model: CausalLM, beginning: Sequence[int], end: Sequence[int], cache: Any) -> Doubles:
    total = len(beginning) + len(end)
    _, mask = model.padded([[*beginning, *end]])
    read, _ = model.padded([end])
    made = np.zeros((model.layers, model.heads, total))
    rows = _within(model.memory, 16 * model.layers * model.heads * total)
    for start in range(0, len(end), rows):
        stop = min(start + rows, len(end))
        there = len(beginning) + stop
        out = model.read(read[:, start:stop], mask[:, :there], cache, attention=True)
        cache = out.past_key_values
        if not out.attentions or out.attentions[0] is None:
            raise DataError(
                "the model has no attention that could be read",
                where=model.name,
                fix="name one that is a transformer",
            )
        for layer, weights in enumerate(out.attentions):
            # A layer that looks back only so far has fewer keys: those of the last tokens.
            width = weights.shape[-1]
            summed = weights[0].float().sum(1).cpu().numpy()
            made[layer, :, there - width : there] += summed
    made /= len(end)
    return made


def _within(memory: int, each: int) -> int:
    """How many rows fit into half of the memory, of so many bytes each."""
    return max(1, min(_ROWS, memory // 2 // each))

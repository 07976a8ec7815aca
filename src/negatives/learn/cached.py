"""Gradient caching: large contrastive batches in the memory of one chunk (Gao et al., 2021).

The embeddings of a batch are computed a chunk at a time and only they are kept. When the loss is
differentiated, each chunk is computed once more, with the random numbers it had the first time, and
its part of the gradient goes through it at once. That is torch's own checkpointing, a chunk being
the unit: it keeps dropout and mixed precision the same both times, and it wraps every loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from negatives.optional import Tensor, require, torch

Features = Mapping[str, Any]


def encode_cached(
    encode: Callable[[Features], Tensor], features: Features, chunk: int, *, keep: bool = False
) -> Tensor:
    """float[n, dim] of `features` of n texts, `chunk` texts at a time.

    With `keep` the activations are kept, as if nothing was cached: the same numbers, more memory.
    """
    checkpoint = require("torch.utils.checkpoint", extra="train").checkpoint
    parts = []
    for piece in chunks(features, chunk):
        made = encode(piece) if keep else checkpoint(encode, piece, use_reentrant=False)
        parts.append(made)
    return torch.cat(parts)


def chunks(features: Features, size: int) -> Iterator[Features]:
    """The same texts, `size` at a time; padding that a chunk does not need is cut off.

    Texts stand one to a row, or, for bags of tokens, end to end with `offsets`.
    """
    ids, offsets = features["input_ids"], features.get("offsets")
    count = len(ids if offsets is None else offsets)
    for begin in range(0, count, size):
        end = min(begin + size, count)
        if offsets is None:
            yield _rows(features, begin, end)
        else:
            last = int(offsets[end]) if end < count else len(ids)
            first = int(offsets[begin])
            yield {"input_ids": ids[first:last], "offsets": offsets[begin:end] - first}


def end_to_end(bags: Sequence[Features]) -> Features:
    """Several columns of bags of tokens as one."""
    starts = [0]
    for features in bags:
        starts.append(starts[-1] + len(features["input_ids"]))
    return {
        "input_ids": torch.cat([features["input_ids"] for features in bags]),
        "offsets": torch.cat(
            [bag["offsets"] + start for bag, start in zip(bags, starts[:-1], strict=True)]
        ),
    }


def _rows(features: Features, begin: int, end: int) -> Features:
    padded = features["input_ids"].shape[1:]
    mask = features.get("attention_mask")
    longest = None
    if mask is not None and mask.dim() == 2 and bool(mask[begin:end, 0].all()):
        longest = int(mask[begin:end].sum(dim=1).max())
    cut: dict[str, Any] = {}
    for name, value in features.items():
        if hasattr(value, "shape") and value.dim() > 0:
            value = value[begin:end]
            if longest is not None and value.shape[1:2] == padded[:1]:
                value = value[:, :longest]
        cut[name] = value
    return cut

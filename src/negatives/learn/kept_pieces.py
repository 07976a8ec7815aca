"""Texts of a static embedding cut into pieces once: to cut them costs more than to learn from them.

A text stands in many batches, and in every look at the dev split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import starts_of
from negatives.optional import torch

BYTES_A_PIECE: Final = 16
"""About: of its number and of its part of the text, with what a dict needs."""


def keep_pieces(model: Any, memory: int) -> None:
    """Let a static model of sentence-transformers keep the pieces of texts, within `memory` bytes.

    They are cut as its tokenizer is set now.
    """
    model[0].preprocess = _Kept(model[0].tokenizer, memory // BYTES_A_PIECE)


class _Kept:
    """`StaticEmbedding.preprocess`, of which nothing is computed twice while there is room."""

    def __init__(self, tokenizer: Any, room: int) -> None:
        self._tokenizer = tokenizer
        self._room = room
        self._held = 0
        self._pieces: dict[str, NDArray[np.int32]] = {}

    def __call__(
        self, inputs: Sequence[str], prompt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        texts = [prompt + text for text in inputs] if prompt else inputs
        found = self._of(texts)
        offsets = starts_of(np.array([len(pieces) for pieces in found]))[:-1]
        joined = np.concatenate(found).astype(np.int64)
        return {"input_ids": torch.from_numpy(joined), "offsets": torch.from_numpy(offsets)}

    def _of(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._pieces]
        cut = self._tokenizer.encode_batch_fast(missing, add_special_tokens=False)
        new = {
            text: np.array(pieces.ids, np.int32) for text, pieces in zip(missing, cut, strict=True)
        }
        found = [new[text] if text in new else self._pieces[text] for text in texts]
        if self._held > self._room:
            self._pieces.clear()
            self._held = 0
        self._pieces |= new
        self._held += sum(map(len, new.values()))
        return found

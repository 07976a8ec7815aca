"""Writing with a local language model token by token, along several prompts at once.

Each branch is a prompt and, after it, what is being written: the same tokens in all. So what comes
next can be chosen by comparing what the branches find probable (see the room `guide`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.models.causal_lm import CausalLM


class Branches:
    """Prompts of one model, and the tokens that were accepted after them.

    `room`: tokens that may be written; of a prompt that leaves too little, its beginning is cut.
    """

    def __init__(self, model: CausalLM, prompts: Sequence[str], room: int) -> None:
        most = model.longest - room
        if most < 1:
            raise DataError(
                f"{room:,} tokens cannot be written: the model reads {model.longest:,}",
                where=model.name,
                fix="ask for fewer tokens",
            )
        self.model = model
        self.written: list[int] = []
        self.log_probs: Doubles
        """float64[branches, vocabulary]: how probable each token is as the next one."""
        rows = [self._prompt(prompt)[-most:] for prompt in prompts]
        tokens, self._mask = model.padded(rows)
        self._cache: Any = None
        self._next(tokens)

    def accept(self, token: int) -> None:
        """Write a token, in all branches."""
        import torch

        self.written.append(token)
        one = torch.full((len(self._mask), 1), token, device=self._mask.device)
        self._mask = torch.cat([self._mask, torch.ones_like(one)], 1)
        self._next(one)

    def fork(self) -> Branches:
        """Another writer that goes on from here; what it writes, this one has not."""
        made = copy.copy(self)
        made.written = list(self.written)
        made._cache = copy.deepcopy(self._cache)
        return made

    @property
    def text(self) -> str:
        """What was written."""
        return self.model.text(self.written)

    def _prompt(self, prompt: str) -> list[int]:
        tokens = [piece.token for piece in self.model.pieces(prompt)]
        if not tokens and self.model.start is not None:
            return [self.model.start]
        return tokens

    def _next(self, tokens: Any) -> None:
        out = self.model.read(tokens, self._mask, self._cache)
        self._cache = out.past_key_values
        logits = out.logits[:, -1].double().cpu()
        self.log_probs = np.asarray(logits.log_softmax(-1).numpy())

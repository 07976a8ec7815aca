"""Guides in `generate` of transformers: a processor of logits with branches of its own.

What `generate` writes is the expert. Beside it other branches read the same written tokens, after
another prompt (`PromptBranch`) or as another model finds them, and `contrastive.steered` makes the
next token of all. Processors that forbid tokens or penalise repetition come before, temperature and
top-p after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from negatives.errors import DataError
from negatives.guide.contrastive import refuse_settings, steered
from negatives.optional import torch

Branch = Callable[[Any], Any]
"""The tokens written, int64[rows, tokens] -> the logits of the next, float[rows, vocabulary]."""


class PromptBranch:
    """What a decoder finds to be next after a prompt of its own and the tokens written so far.

    input_ids: int64[prompts, tokens], padded on the left, with attention_mask where it is padded:
    `PromptBranch(model, **tokenizer(texts, return_tensors="pt", padding=True))`.
    One prompt is that of all rows; several are those of as many rows, each repeated for its beams.
    What was read is kept, so that a token costs one step.

    >>> import torch
    >>> from types import SimpleNamespace as Made
    >>> from negatives.guide import PromptBranch
    >>> logits = torch.tensor([[[0.0, 1.0]]])
    >>> model = lambda **given: Made(logits=logits, past_key_values=None)
    >>> model.config, model.device = Made(), "cpu"
    >>> PromptBranch(model, torch.tensor([[0]]))(torch.empty((1, 0), dtype=torch.long)).tolist()
    [[0.0, 1.0]]
    """

    def __init__(self, model: Any, input_ids: Any, attention_mask: Any = None) -> None:
        if getattr(model.config, "is_encoder_decoder", False):
            raise DataError(
                "a model with an encoder does not read its prompt where it writes",
                where=type(model).__name__,
                fix="give a function of the written tokens: lambda written: "
                "model(pixel_values=blank, decoder_input_ids=written).logits[:, -1]",
            )
        self._model = model
        self._prompt = torch.as_tensor(input_ids, device=model.device)
        mask = torch.ones_like(self._prompt) if attention_mask is None else attention_mask
        self._mask = torch.as_tensor(mask, device=model.device)
        if self._prompt.ndim != 2 or not self._prompt.shape[1]:
            raise DataError(
                f"a prompt of shape {tuple(self._prompt.shape)}",
                fix='int64[prompts, tokens], at least one: tokenizer(text, return_tensors="pt")',
            )
        if self._mask.shape != self._prompt.shape or not self._mask[:, -1].all():
            raise DataError(
                "a prompt that ends in padding, or a mask of another shape",
                fix='pad on the left: tokenizer.padding_side = "left"',
            )
        self._written: Any = None
        self._cache: Any = None

    def __call__(self, written: Any) -> Any:
        """float[rows, vocabulary]: the logits of the next token."""
        rows, length = written.shape
        if rows % len(self._prompt):
            raise DataError(
                f"{len(self._prompt):,} prompts for {rows:,} rows",
                fix="one prompt, or one for each that generate is given",
            )
        limit = getattr(self._model.config, "max_position_embeddings", None)
        if limit is not None and self._prompt.shape[1] + length > limit:
            raise DataError(
                f"a prompt of {self._prompt.shape[1]:,} tokens and {length:,} written ones: the "
                f"model reads {limit:,}",
                where=type(self._model).__name__,
                fix="shorten the prompt, or write fewer tokens",
            )
        times = rows // len(self._prompt)
        mask = self._mask.repeat_interleave(times, 0)
        mask = torch.cat([mask, mask.new_ones(rows, length)], 1)
        if self._follows(written):
            tokens, cache = written[:, -1:], self._cache
        else:
            # The first token, or beams that have changed places: all is read anew.
            tokens = torch.cat([self._prompt.repeat_interleave(times, 0), written], 1)
            cache = None
        with torch.no_grad():
            out = self._model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=(mask.cumsum(1) - 1).clip(0)[:, -tokens.shape[1] :],
                past_key_values=cache,
                use_cache=True,
            )
        self._written, self._cache = written, out.past_key_values
        return out.logits[:, -1]

    def _follows(self, written: Any) -> bool:
        """Whether these are the tokens that were read last, and one more."""
        if self._written is None or self._cache is None:
            return False
        known = self._written.shape[1]
        return written.shape == (len(self._written), known + 1) and bool(
            (written[:, :known] == self._written).all()
        )


class SteeredLogits:
    """A processor for `generate(logits_processor=[...])`: steered by other prompts or models.

    `base`: what the expert is compared with; what it finds more probable than the base is
    amplified by gamma. The same model without the context or the image is guidance of a text, a
    weaker model contrastive decoding. `negative`: what is moved away from by eta, such as a prompt
    that asks for what is unwanted. Tokens of which the expert finds none plausible, at less than
    `alpha` times its best, are never written.

    Use one for each call of `generate`; after `restart()` it serves another.

    >>> from negatives.guide import SteeredLogits
    >>> SteeredLogits(gamma=2.0)
    Traceback (most recent call last):
        ...
    negatives.errors.DataError: there is nothing to steer by
      fix:   give base or negative: PromptBranch(model, input_ids), or a function
    """

    def __init__(
        self,
        *,
        base: Branch | None = None,
        negative: Branch | None = None,
        gamma: float = 1.5,
        eta: float = 0.3,
        alpha: float = 0.1,
    ) -> None:
        if base is None and negative is None:
            raise DataError(
                "there is nothing to steer by",
                fix="give base or negative: PromptBranch(model, input_ids), or a function",
            )
        refuse_settings(gamma, eta, alpha)  # before anything is generated
        self.base, self.negative = base, negative
        self.gamma, self.eta, self.alpha = gamma, eta, alpha
        self._prompt: Any = None

    def restart(self) -> None:
        """What comes next is another generation, with a prompt of its own."""
        self._prompt = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """float[rows, vocabulary]: log-probabilities of the next token, in place of `scores`."""
        if self._prompt is None:
            self._prompt = input_ids
        start = self._prompt.shape[1]
        if input_ids.shape[1] < start or not bool((input_ids[:, :start] == self._prompt).all()):
            raise DataError(
                "these tokens do not go on from the prompt of the generation before",
                fix="one SteeredLogits for each call of generate, or restart() between them",
            )
        written = input_ids[:, start:]
        expert = scores.float()
        found = {
            name: branch(written).to(expert.device).float()
            for name, branch in (("base", self.base), ("negative", self.negative))
            if branch is not None
        }
        for name, logits in found.items():
            if logits.shape != expert.shape:
                raise DataError(
                    f"the {name} branch gives {tuple(logits.shape)}, generate "
                    f"{tuple(expert.shape)}: (rows, tokens of the vocabulary)",
                    fix="use a model with the same tokenizer, of a vocabulary as large",
                )
        for name, logits in {"generated": expert, **found}.items():
            if bool(logits.isnan().any()):
                row = int(logits.isnan().any(-1).nonzero()[0])
                raise DataError(
                    f"the logits of the {name} branch are no numbers, in row {row} after "
                    f"{written.shape[1]:,} tokens",
                    fix="load the model in float32 or bfloat16; float16 overflows on many",
                )
        return steered(
            found.get("base", expert),
            expert,
            found.get("negative"),
            gamma=self.gamma,
            eta=self.eta if self.negative is not None else 0.0,
            alpha=self.alpha,
        ).to(scores.dtype)

"""A local language model by transformers: what an endpoint cannot give.

Here it is opened, reads texts, and says how probable it finds a continuation, token by token.
`attended` reads its attention, `branches` writes with it, token by token. Only safetensors weights
are read, and no code of the folder is run. A folder's chat template is not used: prompts are plain
texts, so that what a document holds is never taken for the mark of a turn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any, Final, NamedTuple

import numpy as np

from negatives.arrays import Floats, Places
from negatives.errors import DataError
from negatives.events import Emit, Progress, silent
from negatives.models.batching import once
from negatives.models.causal_lm_files import (
    MEND,
    load_network,
    load_tokenizer,
    refuse_other_weights,
)
from negatives.models.spec import names_nothing
from negatives.models.torch_model import check_loading, hash_weights, prepare_torch
from negatives.optional import require, torch

LONGEST: Final = 4096
"""Tokens that are read at once, at most, where the model itself could read more."""
_TOKENS: Final = 8192
"""Tokens of a batch, padding included, at most."""
_WIDTHS: Final = 32
"""Numbers that a layer holds for a token, in widths of the model, about."""
_SAME: Final = 1e-4
"""What a token that comes later may change of a logit, at most: rounding."""


class Piece(NamedTuple):
    """A token of a text: its number, and the characters from `start` to `end` that it stands for.

    Of one that the tokenizer adds by itself both are 0.
    """

    token: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """How probable each token of a continuation is after its context and the tokens before it.

    tokens: int64[n], log_probs: float32[n], natural logarithms. `cut`: the model cannot read all at
    once, so that the beginning of the context, or else the end of the continuation, was left out.
    Two continuations of different lengths are compared by their means, two of one text by totals.

    >>> import numpy as np
    >>> made = Continuation(np.array([5, 7]), np.log(np.array([0.5, 0.125], np.float32)), cut=False)
    >>> f"{made.total:.4f} {made.mean:.4f} {made.perplexity:.4f}"
    '-2.7726 -1.3863 4.0000'
    """

    tokens: Places
    log_probs: Floats
    cut: bool

    @property
    def total(self) -> float:
        """The log-probability of the continuation: a sum, 0 of none."""
        return float(self.log_probs.sum(dtype=np.float64))

    @property
    def mean(self) -> float:
        """That of a token, on average; NaN of none."""
        return self.total / len(self.log_probs) if len(self.log_probs) else math.nan

    @property
    def perplexity(self) -> float:
        """exp(-mean): among how many equally probable tokens the model hesitates."""
        return math.exp(min(-self.mean, 700.0))


class Item(NamedTuple):
    """Tokens to read, of which those from `first` (at least 1) on are to be predicted."""

    tokens: list[int]
    first: int
    cut: bool

    @property
    def predicted(self) -> int:
        """How many."""
        return len(self.tokens) - self.first


class CausalLM:
    """A causal language model of transformers, from a folder or the hub.

    `threads` is torch's number of threads, which is one number for the whole process. `device`:
    `cpu`, `cuda`, or `auto`, cuda where there is one. `memory` bounds, about, what it holds besides
    its weights. With `attention`, attentions can be read, which takes longer. It computes in full
    precision, so that what a text is read beside changes nothing but the last digits. `emit` hears
    how far long readings are.
    """

    def __init__(
        self,
        model: str,
        *,
        threads: int = 1,
        device: str = "auto",
        memory: int = 512 * 2**20,
        attention: bool = False,
        emit: Emit = silent,
    ) -> None:
        if model.startswith(("http://", "https://")):
            raise DataError(
                "a server's model does not say how probable it finds given texts: it is run here",
                where=model,
                fix=MEND,
            )
        if not model.strip() or names_nothing(model):
            raise DataError(f"there is no language model at {model!r}", fix=MEND)
        prepare_torch(threads=threads, device=device)
        check_loading(model)
        self.name, self.memory, self.reads_attention = model, memory, attention
        self.emit = emit
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        refuse_other_weights(model)
        self._fast = load_tokenizer(model)
        self.net = load_network(model, device, attention)
        self.layers = int(self._settings.num_hidden_layers)
        self.heads = int(self._settings.num_attention_heads)
        self.vocabulary = int(self.net.get_input_embeddings().weight.shape[0])
        stated = getattr(self._settings, "max_position_embeddings", None)
        self.longest = min(LONGEST, int(stated or LONGEST))
        backend = self._fast.backend_tokenizer
        self._tokenizer = require("tokenizers", extra="train").Tokenizer.from_str(backend.to_str())
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # A document that holds the mark of a turn holds letters: it ends nobody's turn.
        self._tokenizer.encode_special_tokens = True
        if self._tokenizer.get_vocab_size() > self.vocabulary:
            raise DataError(
                f"the tokenizer has {self._tokenizer.get_vocab_size():,} tokens, and the model "
                f"knows {self.vocabulary:,}",
                where=model,
                fix="give the folder the tokenizer that the model was trained with",
            )
        _refuse_looking_ahead(self)

    @property
    def _settings(self) -> Any:
        return self.net.config.get_text_config()

    @property
    def device(self) -> Any:
        """Where it computes."""
        return self.net.device

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the weights, of what reads the texts, and of how much is read at once."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.longest} {self.start} {self._settings.model_type}".encode())
        digest.update(self._tokenizer.to_str().encode())
        hash_weights(digest, self.net)
        return f"causal-lm-{digest.hexdigest()}"

    @property
    def start(self) -> int | None:
        """The token that stands before a text that has nothing before it; None: there is none."""
        begin: int | None = self._fast.bos_token_id
        end: int | None = self._fast.eos_token_id
        return end if begin is None else begin

    @property
    def reader(self) -> Any:
        """What reads texts, as transformers has it."""
        return self._fast

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end a text."""
        stated = self.net.generation_config.eos_token_id
        several = stated if isinstance(stated, list) else [stated]
        return frozenset(
            token for token in (*several, self._fast.eos_token_id) if token is not None
        )

    def reads_as(self, other: CausalLM) -> bool:
        """Whether both have the same tokens."""
        return bool(self._tokenizer.to_str() == other._tokenizer.to_str())

    def pieces(self, text: str) -> list[Piece]:
        """The tokens of a text with the places where they stand in it."""
        read = self._tokenizer.encode(text)
        return [Piece(token, *place) for token, place in zip(read.ids, read.offsets, strict=True)]

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens say."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def continuations(self, pairs: Sequence[tuple[str, str]]) -> list[Continuation]:
        """Each (context, continuation) of `pairs`: how probable the second is after the first.

        Both are read as one text. A token that stands for the end of the one and the beginning of
        the other belongs to the continuation. Prompts and padding are in no sum and no mean.
        """
        distinct, which = once(pairs)
        items = [self.item(*pair) for pair in distinct]
        made: list[Floats] = [np.empty(0, np.float32)] * len(items)
        todo = [place for place, item in enumerate(items) if item.predicted > 0]
        done = 0
        for batch in self._batches(items, todo):
            self.emit(Progress("read", done, len(todo), "texts"))
            found = self._log_probs([items[place] for place in batch])
            for place, log_probs in zip(batch, found, strict=True):
                made[place] = log_probs
            done += len(batch)
        self.emit(Progress("read", done, len(todo), "texts"))
        told = [
            Continuation(np.array(item.tokens[item.first :], np.int64), log_probs, item.cut)
            for item, log_probs in zip(items, made, strict=True)
        ]
        return [told[place] for place in which]

    def item(self, context: str, continuation: str) -> Item:
        """What is read to know how probable the second is after the first."""
        pieces = self.pieces(context + continuation)
        tokens = [piece.token for piece in pieces]
        counted = [n for n, piece in enumerate(pieces) if piece.end > len(context)]
        if not counted:
            return Item(tokens, len(tokens), cut=False)
        first, last = counted[0], counted[-1]
        tokens = tokens[: last + 1]
        if first == 0:
            # Without any token before it nothing predicts the first.
            tokens, first = ([self.start, *tokens], 1) if self.start is not None else (tokens, 1)
        too_many = len(tokens) - self.longest
        if too_many <= 0:
            return Item(tokens, first, cut=False)
        dropped = min(too_many, first - 1)
        return Item(tokens[dropped:][: self.longest], first - dropped, cut=True)

    def _batches(self, items: Sequence[Item], todo: Sequence[int]) -> list[list[int]]:
        """Places of the items of each batch, the longest first, within the bounds of memory."""
        order = sorted(todo, key=lambda place: (-len(items[place].tokens), place))
        made: list[list[int]] = []
        longest = predicted = 0
        for place in order:
            predicted = max(predicted, items[place].predicted) if made else items[place].predicted
            rows = len(made[-1]) + 1 if made else 1
            room = min(_TOKENS, self._tokens_within(self.memory // 2)) // max(1, longest)
            if made and rows <= room and rows * min(predicted, self.step) <= self.step:
                made[-1].append(place)
            else:
                made.append([place])
                longest, predicted = len(items[place].tokens), items[place].predicted
        return made

    def _tokens_within(self, memory: int) -> int:
        """How many tokens a layer reads in so much memory."""
        return max(1, memory // (4 * _WIDTHS * int(self._settings.hidden_size)))

    @property
    def step(self) -> int:
        """Tokens of which all logits are held at once."""
        return max(1, min(512, self.memory // 2 // (12 * self.vocabulary)))

    def _log_probs(self, items: Sequence[Item]) -> list[Floats]:
        """float32[predicted] of each item of a batch."""
        tokens, mask = self.padded([item.tokens[:-1] for item in items])
        length, predicted = tokens.shape[1], max(item.predicted for item in items)
        targets = torch.zeros((len(items), predicted), dtype=torch.int64)
        for row, item in enumerate(items):
            targets[row, predicted - item.predicted :] = torch.tensor(item.tokens[item.first :])
        found = np.empty((len(items), predicted), np.float32)
        cache, start = None, 0
        for stop in range(length - predicted + min(self.step, predicted), length, self.step):
            start, cache = self._predicted(tokens, mask, targets, found, start, stop, cache)
        self._predicted(tokens, mask, targets, found, start, length, cache)
        return [found[row, predicted - item.predicted :] for row, item in enumerate(items)]

    def _predicted(
        self, tokens: Any, mask: Any, targets: Any, found: Floats, start: int, stop: int, cache: Any
    ) -> tuple[int, Any]:
        """Read the tokens from `start` to `stop`, and write down how probable their next are."""
        skipped = tokens.shape[1] - targets.shape[1]
        first = max(start, skipped)
        out = self.read(
            tokens[:, start:stop],
            mask[:, :stop],
            cache,
            keep=stop - first,
            cached=stop < tokens.shape[1],
        )
        logits = out.logits[:, -(stop - first) :].float()
        wanted = targets[:, first - skipped : stop - skipped, None].to(logits.device)
        said = logits.gather(2, wanted)[:, :, 0] - logits.logsumexp(2)
        found[:, first - skipped : stop - skipped] = said.cpu().numpy()
        return stop, out.past_key_values

    def padded(self, rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        """int64[rows, longest] tokens, padded on the left, and int64[rows, longest]: 0 is padding.

        On the left, so that what is predicted stands at the end of every row.
        """
        longest = max(map(len, rows))
        tokens = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for row, each in enumerate(rows):
            tokens[row, longest - len(each) :] = each
            mask[row, longest - len(each) :] = 1
        return torch.from_numpy(tokens).to(self.device), torch.from_numpy(mask).to(self.device)

    def read(
        self,
        tokens: Any,
        mask: Any,
        cache: Any = None,
        *,
        keep: int = 1,
        cached: bool = True,
        attention: bool = False,
    ) -> Any:
        """One pass over tokens [rows, new] after those in `cache`; `mask` [rows, all].

        Logits of the last `keep` tokens alone, where the model can leave the others out.
        """
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        options = {"logits_to_keep": keep} if "logits_to_keep" in self._options else {}
        if "position_ids" in self._options:
            options["position_ids"] = positions
        with torch.inference_mode():
            return self.net(
                input_ids=tokens,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=cached,
                output_attentions=attention,
                **options,
            )

    @cached_property
    def _options(self) -> frozenset[str]:
        return frozenset(signature(self.net.forward).parameters)


def _refuse_looking_ahead(model: CausalLM) -> None:
    """A model that fills gaps, such as BERT, sees the token that it is to predict."""
    tokens, mask = model.padded([[0, 1], [0, 2]])
    logits = model.read(tokens, mask, keep=2, cached=False).logits[:, 0].float()
    if not bool(torch.isfinite(logits).all()):
        raise DataError(
            "what the model predicts is no number: its weights are spoiled, or too large for their "
            "type",
            where=model.name,
            fix="name one that was saved before its training went wrong",
        )
    if not bool((logits[0] - logits[1]).abs().max() <= _SAME * (1 + logits.abs().max())):
        raise DataError(
            "the model looks ahead: it fills gaps, and cannot say what comes next",
            where=model.name,
            fix=MEND,
        )

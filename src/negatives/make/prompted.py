"""What generators that ask a language model share: their settings, and how they are carried out.

Such a generator is a prompt, the form of a reply, and what it makes of one. What a call costs, what
is kept, and what becomes of a reply that nobody can read is the same for all of them, and here. A
text that a model writes is a document of the generated layer like any other: whether it is relevant
is for the judges of the run to say, not for the model that was asked for an irrelevant one.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Rows
from negatives.generator import WRITTEN_DOCS, WRITTEN_QUERIES, Generator
from negatives.make.asking import Asking, Foreseeing
from negatives.models.chat import Chat, Form
from negatives.models.language_model import (
    SHOWN,
    ApiKey,
    Endpoint,
    Prompts,
    Shown,
    Tokens,
    Unknown,
    Words,
    refuse_literal_keys,
    refuse_unused_prompts,
)
from negatives.models.prompt import Prompt
from negatives.models.stimuli import STIMULI
from negatives.opening import Context, Foreseen


class PromptedGenerator(Generator):
    """A generator that asks a language model; a subclass says how, and what replies mean.

    It defines `words`, the prompts that it uses, `longest`, the tokens of a reply, and `made`,
    which puts the questions through an `Asking` and gives rows of `WRITTEN_QUERIES` or
    `WRITTEN_DOCS` in the order of what it was given.
    """

    model: Endpoint
    api_key: ApiKey = ""
    prompts: Prompts = {}
    stimulus: Annotated[
        int,
        Meta(
            ge=0,
            le=len(STIMULI),
            description="number of an emotional appeal that is put after each question; 0: none",
        ),
    ] = 0
    temperature: Annotated[
        float, Meta(ge=0, le=2, description="how freely it writes; 0: always the likeliest word")
    ] = 0.7
    unknown: Unknown = 0.1
    characters: Shown = SHOWN
    tokens: Tokens = 0

    words: ClassVar[Mapping[str, Words]] = {}

    @property
    @abstractmethod
    def longest(self) -> int:
        """Tokens that a reply needs."""

    @abstractmethod
    def made(self, context: Context, rows: Rows, ask: Asking) -> list[tuple[Any, ...]]:
        """Rows of what is written, without the columns of their origin; `ask` puts the questions.

        A reply may be None: then nothing is written.
        """

    @property
    def calls_each(self) -> int:
        """One question for each document or query."""
        return 1

    @property
    def several(self) -> int:
        """Members that a list of a reply is to have, at most; 0: any."""
        return 0

    def check(self) -> None:
        """No key stands in a recipe, and only prompts that it uses are replaced."""
        refuse_literal_keys(self.kind, {"api_key": self.api_key})
        refuse_unused_prompts(self.kind, self.prompts, self.words)

    def ready(self, context: Context) -> None:
        """Read the prompts and the address; nothing is sent."""
        Chat(self.model, context.scratch, api_key=self.api_key)
        self._prompts()

    def refuse_absent(self, context: Context) -> None:
        """The server is there, or replies to one of the prompts are kept."""
        chat = Chat(self.model, context.scratch, api_key=self.api_key)
        chat.refuse_absent(*self._prompts().values())

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """What the model writes of these documents or queries, and by which prompt."""
        prompts = self._prompts()
        ask = Asking(**self._asking(context, prompts), unknown=self.unknown)
        made = self.made(context, rows, ask)
        ask.tell()
        wanted = WRITTEN_QUERIES if self.generates == "queries" else WRITTEN_DOCS
        return pl.DataFrame(made, schema=dict(wanted), orient="row").with_columns(
            model=pl.lit(ask.chat.name), prompt_hash=pl.lit(self._hash(prompts))
        )

    def foresee(self, context: Context, rows: Rows) -> Foreseen:
        """What `write` would cost, about and at most; nothing is sent."""
        ask = Foreseeing(**self._asking(context, self._prompts()))
        self.made(context, rows, ask)
        return ask.foreseen

    def _asking(self, context: Context, prompts: Mapping[str, Prompt]) -> dict[str, Any]:
        chat = Chat(self.model, context.scratch, api_key=self.api_key, emit=context.emit)
        form = Form(
            self.tokens or self.longest, temperature=self.temperature, seed=_seed(context.seed)
        )
        said = STIMULI[self.stimulus - 1] if self.stimulus else ""
        return {
            "name": self.label,
            "chat": chat,
            "prompts": prompts,
            "form": form,
            "emit": context.emit,
            "stimulus": said,
            "several": self.several,
        }

    def _prompts(self) -> dict[str, Prompt]:
        return {
            name: Prompt(self.prompts.get(name) or name, *words)
            for name, words in self.words.items()
        }

    def _hash(self, prompts: Mapping[str, Prompt]) -> str:
        """Of all that is asked besides the texts: the prompt's own where there is one alone."""
        parts = [each.hash for each in prompts.values()]
        if self.stimulus:
            parts.append(STIMULI[self.stimulus - 1])
        if len(parts) == 1:
            return parts[0]
        return hashlib.blake2b(msgspec.json.encode(parts), digest_size=10).hexdigest()


def _seed(seed: int) -> int:
    """The seed as servers take it: 31 bits, none of them a sign."""
    return seed & 0x7FFFFFFF


def with_text(context: Context, rows: Rows) -> Rows:
    """Those of the documents that have a text."""
    empty = context.collection.lacking("docs", ("text",))
    return np.setdiff1d(rows, empty).astype(np.uint32)

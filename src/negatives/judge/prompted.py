"""What all judges that ask a language model share: their settings, and how they are carried out.

Such a judge is a prompt or two, what it makes of the replies, and a number for each pair. Which
pairs are asked about, what a call costs, what is kept, and what becomes of a reply that nobody can
read is the same for all of them, and here.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError, ServiceError
from negatives.events import Counted, Emit
from negatives.judge.asked_pairs import AskedPairs
from negatives.judge.asking import Asking, Foreseeing
from negatives.judge.shown_pairs import ShownPairs
from negatives.models.chat import Chat
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
from negatives.opening import Context, Foreseen, JudgeContext
from negatives.schema import REJECTED, TEXTS, Floats, Needs, Rows
from negatives.stage import Judge
from negatives.wording import percent

NEVER = 4.0

PAIR: Final = Words(("query", "document"), ("positives",))
"""What a prompt about a query and a document needs, and may show besides."""

_FIRST: Final = 32
"""Pairs asked about at first, so that a model that cannot be used costs little,"""
_TOGETHER: Final = 256
"""and then."""
_SOON: Final = 20
"""Replies after which too many unknown ones end the work, before all are paid for."""


class PromptedJudge(Judge):
    """A judge that asks a language model; a subclass says in which words, and what replies mean.

    It defines `words`, the prompts that it uses, and `scored`, which puts the questions. By itself
    none rejects anything: scores are evidence, weighed by what they say of the run's own labels.
    """

    takes_all: ClassVar[bool] = True

    model: Endpoint
    api_key: ApiKey = ""
    prompts: Prompts = {}
    positives: Annotated[
        int, Meta(ge=0, le=20, description="known positives of the query that are shown")
    ] = 0
    top: Annotated[
        int,
        Meta(
            ge=0, description="candidates a query that are asked about, by reference score; 0: all"
        ),
    ] = 10
    reject: Annotated[
        float,
        Meta(ge=0, description="reject from this probability, or grade, on; 4: never"),
    ] = NEVER
    unknown: Unknown = 0.1
    characters: Shown = SHOWN
    tokens: Tokens = 0

    @property
    def needs(self) -> Needs:
        """Texts of both sides to show."""
        return TEXTS

    @property
    @abstractmethod
    def words(self) -> Mapping[str, Words]:
        """The prompts it uses, by name."""

    @abstractmethod
    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """The score of each pair; NaN where a reply cannot be read, None where none was wanted."""

    @property
    def column(self) -> str:
        """The ledger's column of its scores, higher for more relevant pairs."""
        return f"{self.kind.replace('-', '_')}_score"

    @property
    def relevant_from(self) -> float | None:
        """The score from which it takes a pair for relevant; None: it does not say."""
        return 0.0

    @property
    def shown(self) -> tuple[str, pl.Expr]:
        """What `reject` is compared with: its name, and how it is made of the score's column."""
        return "probability", 1 / (1 + (-pl.col(self.column).cast(pl.Float64)).exp())

    @property
    def keys(self) -> Mapping[str, str]:
        """The models it asks, and the variable that holds the key of each; its own is ""."""
        return {"": self.api_key}

    @property
    def together(self) -> bool:
        """Whether what is said of a pair depends on which others of its query are asked about."""
        return False

    def check(self) -> None:
        """No key stands in a recipe, and only prompts that it uses are replaced."""
        keys = {name: getattr(self, name) for name in self.__struct_fields__ if "_key" in name}
        refuse_literal_keys(self.kind, keys)
        refuse_unused_prompts(self.kind, self.prompts, self.words)

    def open(self, context: JudgeContext) -> PromptedRuling:
        """Read the prompts; nothing is sent yet."""
        return PromptedRuling(
            stage=self,
            asked=AskedPairs(self.kind, context.collection, context.reference, self.top),
            chats={
                model: Chat(model or self.model, context.scratch, api_key=key, emit=context.emit)
                for model, key in self.keys.items()
            },
            prompts={name: self._prompt(name, words) for name, words in self.words.items()},
            seed=context.seed,
            emit=context.emit,
        )

    def refuse_absent(self, context: Context) -> None:
        """Every server is there, or replies to one of the prompts are kept."""
        prompts = [self._prompt(name, words) for name, words in self.words.items()]
        for model, key in self.keys.items():
            Chat(model or self.model, context.scratch, api_key=key).refuse_absent(*prompts)

    def file_of(self, name: str) -> str:
        """The prompt that is used under a name: that name, or the user's file."""
        return self.prompts.get(name) or name

    def _prompt(self, name: str, words: Words) -> Prompt:
        made = Prompt(self.file_of(name), *words)
        if self.positives and "positives" in words.lists and "positives" not in made.variables:
            raise RecipeError(
                f"{self.kind}: positives are to be shown, and the prompt has no place for them",
                where=f"the prompt {made.name}",
                fix="{% for positive in positives %}{{ positive }}{% endfor %}, or positives = 0",
            )
        return made

    @property
    def fix(self) -> str:
        """Raise the threshold."""
        return f"raise {self.kind} reject above {self.reject:g}"


@dataclass
class PromptedRuling:
    """A judge that asks language models, opened on a collection. `column` holds its scores."""

    stage: PromptedJudge
    asked: AskedPairs
    chats: Mapping[str, Chat]
    prompts: Mapping[str, Prompt]
    seed: int
    emit: Emit
    answered: int = 0
    """Questions that have an answer so far, those that were known too,"""
    tokens: int = 0
    """and the tokens of them."""
    _pairs: int = 0
    _unknown: int = 0

    @property
    def column(self) -> str:
        """The ledger's column of its scores."""
        return self.stage.column

    @property
    def relevant_from(self) -> float | None:
        """The score from which it takes a pair for relevant."""
        return self.stage.relevant_from

    @property
    def chat(self) -> Chat:
        """Its first model."""
        return next(iter(self.chats.values()))

    @property
    def prompt(self) -> Prompt:
        """Its first prompt."""
        return next(iter(self.prompts.values()))

    @property
    def fingerprint(self) -> str:
        """Changes with the models' addresses and names, and with the prompts' texts."""
        chats = [chat.fingerprint for chat in self.chats.values()]
        return "-".join([*chats, *(prompt.hash for prompt in self.prompts.values())])

    @property
    def calls(self) -> int:
        """Questions whose reply came since it was opened; the others were in the store."""
        return sum(chat.came for chat in self.chats.values())

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Scores of the chosen pairs, the same to be learned from, and what `reject` says.

        Of no rows, by which a run finds out beforehand what is wrong: that no server is there.
        """
        if rows.is_empty():
            for chat in self.chats.values():
                chat.refuse_absent(self.prompt)
        held = self.column.replace("_score", "_held")
        made = self.asked.scored(rows, self.score, self.column, held)
        return made.with_columns(*self.rule())

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n]: what is said of these pairs; NaN where the reply cannot be read."""
        scores = np.full(len(query), np.nan, np.float32)
        ask = Asking(self.chats, self.prompts, self.stage.tokens, total=len(query))
        for part in self._parts(query):
            ask.before = part.start
            found = self.stage.scored(self._shown(query[part], doc[part]), ask)
            scores[part] = [math.nan if each is None else each for each in found]
            self.answered, self.tokens = self.answered + ask.questions, self.tokens + ask.tokens
            ask.questions = ask.tokens = 0
            self._count(found, ask, last=part.stop == len(query))
        return scores

    def foresee(self, query: Rows, doc: Rows, *, anew: bool = False) -> Foreseen:
        """What `score` of these pairs would cost, at most; nothing is sent."""
        ask = Foreseeing(self.chats, self.prompts, self.stage.tokens, anew=anew)
        for part in self._parts(query):
            self.stage.scored(self._shown(query[part], doc[part]), ask)
        return replace(ask.foreseen, pairs=len(query))

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """`verdict` and `reason` from the score's column."""
        reject, (what, value) = self.stage.reject, self.stage.shown
        over = value >= reject if reject < NEVER else pl.lit(False)
        text = f"{self.stage.kind}: {what} {{}} >= {reject:g}, likely relevant"
        return (
            pl.when(over).then(pl.lit(REJECTED)).alias("verdict"),
            pl.when(over).then(pl.format(text, value.round(4))).alias("reason"),
        )

    def _shown(self, query: Rows, doc: Rows) -> ShownPairs:
        stage = self.stage
        return ShownPairs(
            self.asked.collection, query, doc, self.seed, stage.positives, stage.characters
        )

    def _parts(self, query: Rows) -> Iterator[slice]:
        """Where to ask about some pairs at a time: whole queries where they are asked together."""
        ends = np.arange(1, len(query) + 1)
        if self.stage.together:
            ends = np.append(np.flatnonzero(np.diff(query)) + 1, ends[-1:])
        start = 0
        while start < len(query):
            wanted = start + (_TOGETHER if start else _FIRST)
            place = min(int(np.searchsorted(ends, wanted)), len(ends) - 1)
            stop = int(ends[place])
            yield slice(start, stop)
            start = stop

    def _count(self, found: Sequence[float | None], ask: Asking, *, last: bool) -> None:
        """Count the unknown; `ServiceError` where they are too many."""
        unknown = sum(each is not None and math.isnan(each) for each in found)
        self._pairs += len(found)
        self._unknown += unknown
        figures = {"pairs": len(found), "unknown": unknown, **ask.figures}
        self.emit(Counted(self.stage.kind, figures))
        ask.figures.clear()
        share = self._unknown / max(1, self._pairs)
        if unknown and share > self.stage.unknown and (last or self._pairs >= _SOON):
            ask.forget()
            raise ServiceError(
                f"{self._unknown:,} of {self._pairs:,} replies cannot be read "
                f"({percent(share)}, {percent(self.stage.unknown)} may be): the last such is "
                f"{self.chat.service.said(ask.unread)}",
                where=f"{self.chat.name}, prompt {self.prompt.name}",
                fix="take a model that answers as it is asked, another mode or prompt, more tokens "
                "for a model that thinks aloud, or raise unknown; these are asked again next time",
            )

"""A language model's opinion as evidence: one pair a call, yes or no, or a grade from 0 to 3."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.chance import pair_uniforms
from negatives.errors import RecipeError, ServiceError
from negatives.events import Counted, Emit
from negatives.judge.asked_pairs import AskedPairs
from negatives.judge.llm_score import Grades, graded, log_odds
from negatives.models.chat import Chat, Form
from negatives.models.chat_reply import Answer
from negatives.models.prompt import Messages, Prompt
from negatives.opening import Foreseen, JudgeContext
from negatives.schema import REJECTED, TEXTS, Floats, Needs, Rows
from negatives.secrets import names_variable
from negatives.stage import Judge, Share
from negatives.wording import percent

COLUMN = "llm_score"
HELD = "llm_held"
"""The score where the pair would have been asked about without its label."""
NEVER = 4.0

_ASKED: Final = 256
"""Pairs asked about together."""
_SOON: Final = 20
"""Replies after which too many unknown ones end the work, before all are paid for."""


class _Mode(NamedTuple):
    """How a mode asks and what it makes of a reply."""

    prompt: str
    form: Form
    read: Callable[[Answer], float]


_MODES: Final = {
    "yes-no": _Mode("judge-yes-no", Form(8, alternatives=20), log_odds),
    "grades": _Mode("judge-grades", Form(64, schema=Grades, alternatives=5), graded),
}


class LLMJudge(Judge, kind="llm"):
    """Asks a language model about the likeliest pairs of each query, and about its positives.

    Yes or no, by the probability of the two words, or grades from 0 to 3 in the steps of UMBRELA
    (Upadhyay et al. 2024). By itself it rejects nothing: its scores are evidence, weighed by what
    they say of the run's own labels. A reply that cannot be read is unknown, never irrelevant. A
    document is data between marks that it cannot hold; what it orders is part of its text.

    With `positives`, the query's known ones are shown. So that labelled pairs are asked about as
    others are, one is always left out: the document itself, or one drawn. A query with a single
    known positive is asked without. On a finished run (`negatives judge`) `top` says nothing: a
    budget does.

    >>> from negatives import LLMJudge
    >>> judge = LLMJudge(model="http://127.0.0.1:8080/v1#qwen", mode="grades", reject=2)
    >>> judge.needs.docs, judge.fix
    (('text',), 'raise llm reject above 2')
    """

    takes_all: ClassVar[bool] = True
    evidence: ClassVar[Mapping[str, int]] = {HELD: 1}

    model: Annotated[
        str,
        Meta(
            min_length=1,
            description="URL#NAME of an OpenAI-compatible endpoint, [?concurrency=4&per_minute=60"
            "&seconds=180&price=IN/OUT], prices for a million tokens",
        ),
    ]
    api_key: Annotated[str, Meta(description="env:NAME of the variable that holds it")] = ""
    mode: Annotated[
        Literal["yes-no", "grades"],
        Meta(description="what is asked: whether it answers the query, or how well, from 0 to 3"),
    ] = "yes-no"
    prompt: Annotated[
        str,
        Meta(
            description="a Jinja file with query and document, and positives if wanted; empty: "
            "that of the mode"
        ),
    ] = ""
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
        Meta(ge=0, description="reject from this probability, or this grade, on; 4: never"),
    ] = NEVER
    unknown: Annotated[
        Share, Meta(description="share of replies that may be unreadable; more is an error")
    ] = 0.1
    characters: Annotated[
        int, Meta(ge=0, description="characters of a document that are shown; 0: all")
    ] = 6000
    tokens: Annotated[
        int, Meta(ge=0, description="tokens a reply may have; 0: 8 for yes-no, 64 for grades")
    ] = 0

    @property
    def needs(self) -> Needs:
        """Texts of both sides to show."""
        return TEXTS

    def check(self) -> None:
        """No key stands in a recipe."""
        if self.api_key and not names_variable(self.api_key):
            raise RecipeError(
                "llm: api_key holds a literal key", fix='write api_key = "env:NAME_OF_VARIABLE"'
            )

    def open(self, context: JudgeContext) -> LLMRuling:
        """Read the prompt; nothing is sent yet."""
        prompt = Prompt(
            self.prompt or _MODES[self.mode].prompt, ("query", "document"), ("positives",)
        )
        if self.positives and "positives" not in prompt.variables:
            raise RecipeError(
                "llm: positives are to be shown, and the prompt has no place for them",
                where=f"the prompt {prompt.name}",
                fix="{% for positive in positives %}{{ positive }}{% endfor %}, or positives = 0",
            )
        return LLMRuling(
            stage=self,
            asked=AskedPairs(self.kind, context.collection, context.reference, self.top),
            chat=Chat(self.model, context.scratch, api_key=self.api_key, emit=context.emit),
            prompt=prompt,
            seed=context.seed,
            emit=context.emit,
        )

    @property
    def fix(self) -> str:
        """Raise the threshold."""
        return f"raise llm reject above {self.reject:g}"


@dataclass
class LLMRuling:
    """A language model opened on a collection. `column` holds its scores."""

    stage: LLMJudge
    asked: AskedPairs
    chat: Chat
    prompt: Prompt
    seed: int
    emit: Emit
    column: str = COLUMN
    _replies: int = 0
    _unknown: int = 0

    @property
    def fingerprint(self) -> str:
        """Changes with the model's address and name, and with the prompt's text."""
        return f"{self.chat.fingerprint}-{self.prompt.hash}"

    @property
    def calls(self) -> int:
        """Pairs whose reply came since it was opened; the others were in the store."""
        return self.chat.came

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`llm_score` of the chosen pairs, `llm_held` to learn from, and what `reject` says."""
        made = self.asked.scored(rows, self.score, COLUMN, HELD)
        return made.with_columns(*self.rule())

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n]: log-odds or grades of these pairs; NaN where the reply cannot be read."""
        scores = np.empty(len(query), np.float32)
        read = _MODES[self.stage.mode].read
        for start in range(0, len(query), _ASKED):
            part = slice(start, start + _ASKED)
            answers = self.chat.ask(
                self.prompt,
                self._questions(query[part], doc[part]),
                self._form,
                before=start,
                total=len(query),
            )
            found = [math.nan if each is None else read(each) for each in answers]
            scores[part] = found
            self._count(answers, found, last=start + len(found) == len(query))
        return scores

    def foresee(self, query: Rows, doc: Rows) -> Foreseen:
        """What `score` of these pairs would cost; nothing is sent."""
        made = Foreseen(asked=0, known=0, read=0, written=0, money=None)
        for start in range(0, len(query), _ASKED):
            part = slice(start, start + _ASKED)
            questions = self._questions(query[part], doc[part])
            made += self.chat.foresee(self.prompt, questions, self._form)
        return made

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """`verdict` and `reason` from the score's column."""
        reject = self.stage.reject
        score = pl.col(COLUMN).cast(pl.Float64)
        what = "grade"
        if self.stage.mode == "yes-no":
            score, what = 1 / (1 + (-score).exp()), "probability"
        over = score >= reject if reject < NEVER else pl.lit(False)
        reason = pl.format(f"llm: {what} {{}} >= {reject:g}, likely relevant", score.round(4))
        return (
            pl.when(over).then(pl.lit(REJECTED)).alias("verdict"),
            pl.when(over).then(reason).alias("reason"),
        )

    @property
    def _form(self) -> Form:
        form = _MODES[self.stage.mode].form
        return form if not self.stage.tokens else replace(form, longest=self.stage.tokens)

    def _questions(self, query: Rows, doc: Rows) -> list[Messages]:
        """What is asked of each pair."""
        data, most = self.asked.collection, self.stage.characters or None
        shown = self._shown(query, doc)
        return [
            self.prompt.filled(
                {
                    "query": asked,
                    "document": text[:most],
                    "positives": [each[:most] for each in data.doc_texts(others)],
                }
            )
            for asked, text, others in zip(
                data.query_texts(query), data.doc_texts(doc), shown, strict=True
            )
        ]

    def _shown(self, query: Rows, doc: Rows) -> list[Rows]:
        """The known positives that are shown with each pair: without the document, or its copy.

        Without one that is drawn where it is none of them, so that being shown fewer does not give
        a label away.
        """
        none = np.empty(0, np.uint32)
        if not self.stage.positives:
            return [none] * len(query)
        data = self.asked.collection
        empty = pl.Series(data.lacking("docs", ("text",)), dtype=pl.UInt32)
        known = data.positives.filter(~pl.col("doc").is_in(empty.implode()))
        pairs = pl.DataFrame({"query": query, "doc": doc}, schema=_PAIR)
        drawn = pair_uniforms(data.ids_of(pairs), self.seed, "llm/left-out")
        texts = data.corpus["text"]
        of_query = {
            key: group["doc"].to_numpy()
            for (key,), group in known.join(pairs, on="query", how="semi")
            .sort("doc")
            .group_by("query")
        }
        made = []
        for asked, own, chance in zip(query.tolist(), doc.tolist(), drawn, strict=True):
            others = of_query.get(asked, none)
            same = np.flatnonzero((texts.gather(others) == texts[own]).to_numpy())
            left = same if len(same) else [int(chance * len(others))][: len(others)]
            made.append(np.delete(others, left)[: self.stage.positives])
        return made

    def _count(
        self, answers: Sequence[Answer | None], found: Sequence[float], *, last: bool
    ) -> None:
        """Count the unknown; `ServiceError` where they are too many."""
        unknown = [place for place, score in enumerate(found) if math.isnan(score)]
        self._replies += len(found)
        self._unknown += len(unknown)
        self.emit(Counted("llm", {"pairs": len(found), "unknown": len(unknown)}))
        share = self._unknown / max(1, self._replies)
        if unknown and share > self.stage.unknown and (last or self._replies >= _SOON):
            answer = answers[unknown[0]]
            said = "no chat completion" if answer is None else repr(answer.text)
            raise ServiceError(
                f"{self._unknown:,} of {self._replies:,} replies cannot be read "
                f"({percent(share)}, {percent(self.stage.unknown)} may be): the last such is "
                f"{self.chat.service.said(said)}",
                where=f"{self.chat.name}, prompt {self.prompt.name}",
                fix="take a model that answers as it is asked, another mode or prompt, more tokens "
                "for a model that thinks aloud, or raise unknown",
            )


_PAIR: Final = {"query": pl.UInt32, "doc": pl.UInt32}

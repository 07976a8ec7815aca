"""What hard negatives do to who reads them: a language model's answers with and without them.

After Jin, Yoon, Han and Arik (2025, "Long-Context LLMs Meet RAG"): passages that a retriever finds
and that do not answer are harder to read past than random ones, and the better the retriever the
more so; putting the best at both ends of the list helps. A question is asked with one positive
passage that holds the answer, and with a run's negatives beside it. The positive has the same place
in every list of a question, drawn by ids, since a place is worth something by itself.

Each question is asked in every way, so that ways are compared by the answers that flip, and exactly
(McNemar's test). An answer is right if it holds one of the answers that are known, word by word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.card import Card, Showing
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.errors import DataError, InputError, ServiceError
from negatives.events import Emit
from negatives.listening import shown, watched
from negatives.measure.flips import Flips
from negatives.measure.reordering import reordered
from negatives.models.chat import Chat, Form
from negatives.models.prompt import Messages, Prompt
from negatives.opening import Foreseen
from negatives.read.table import ids_of, read_table
from negatives.run.inputs import collection_of
from negatives.schema import PAIR, Collection
from negatives.secrets import refuse_secrets
from negatives.store.run import Run
from negatives.store.scratch import scratch_folder
from negatives.wording import percent

PROMPT: Final = "read-passages"
ALONE, RANDOM, HARD, REORDERED = "alone", "random", "hard", "reordered"
WAYS: Final = {
    ALONE: "the positive alone",
    RANDOM: "with random documents",
    HARD: "with the negatives",
    REORDERED: "with the negatives, the best at both ends",
}
"""The ways of asking, and what they are."""
COMPARED: Final = ((ALONE, HARD), (RANDOM, HARD), (HARD, REORDERED))
"""Which ways are held against each other."""
QUESTIONS: Final = 200
DISTRACTORS: Final = 4
CHARACTERS: Final = 800
SILENT: Final = 0.1
"""The share of replies that may say nothing, or be none: more, and answers measure the server."""
_LONGEST: Final = 48
"""Tokens of an answer."""
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Distraction(Showing):
    """Right answers by way of asking, in the order of the same questions.

    `unknown`: questions without a reply in some way, which count in none; `holding`: negatives that
    were left out, since they hold an answer themselves.
    """

    right: Mapping[str, Sequence[bool]]
    distractors: int
    unknown: int
    holding: int
    model: str

    @property
    def questions(self) -> int:
        """Questions that were answered in every way."""
        return len(self.right[ALONE])

    def share(self, way: str) -> float:
        """The share of right answers."""
        return float(np.mean(self.right[way]))

    @cached_property
    def flips(self) -> dict[tuple[str, str], Flips]:
        """How many answers became right or wrong, from one way of asking to another."""
        return {pair: Flips.of(*(self.right[way] for way in pair)) for pair in COMPARED}

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model,
            "questions": self.questions,
            "distractors": self.distractors,
            "unknown": self.unknown,
            "left_out_holding_an_answer": self.holding,
            "right": {way: round(self.share(way), 4) for way in WAYS},
            "flips": [
                {"from": one, "to": other, "gained": each.gained, "lost": each.lost, "p": each.p}
                for (one, other), each in self.flips.items()
            ],
        }

    def card(self) -> Card:
        """What it says to a person."""
        rows = [(way, f"{percent(self.share(way))} right: {said}") for way, said in WAYS.items()]
        for (one, other), each in self.flips.items():
            flipped = f"{each.gained:,} became right and {each.lost:,} wrong"
            rows.append(("", f"{one} -> {other}: {flipped}, p = {each.p:.3g}"))
        if not any(self.right[ALONE]):
            rows.append(
                (
                    "look at",
                    "nothing was right with the positive alone, so nothing is known of what "
                    "distracts: the model does not answer, the positives lack the answers, or "
                    "the answers are written otherwise than it says them",
                )
            )
        if self.holding:
            rows.append(("left out", f"{self.holding:,} negatives that hold an answer themselves"))
        if self.unknown:
            rows.append(("unknown", f"{self.unknown:,} questions without a reply in some way"))
        title = (
            f"{self.model}: {self.questions:,} questions, {self.distractors} passages beside the "
            "positive"
        )
        return Card(title, tuple(rows))


@watched
def distraction(
    run: Run,
    answers: str | Path | pl.DataFrame,
    *,
    llm: str,
    api_key: str = "",
    prompt: str = "",
    distractors: int = DISTRACTORS,
    questions: int = QUESTIONS,
    characters: int = CHARACTERS,
    emit: Emit = shown,
) -> Distraction:
    """Ask the language model `llm` (URL#NAME) the run's questions, with its negatives and without.

    `answers`: a table of query_id and answer, a row each. At most so many `questions`, drawn by
    ids, of those that have an answer, a positive that holds it, and so many negatives that do not.
    Passages are cut to so many `characters`, positives and others alike. `prompt`: a Jinja file
    with query and the list passages.
    """
    plan = _Plan.of(run, answers, distractors, questions, characters)
    asked = Prompt(prompt or PROMPT, ("query", "passages"), ("passages",))
    refuse_secrets(llm)
    with scratch_folder() as scratch:
        chat = Chat(llm, scratch, api_key=api_key, emit=emit)
        chat.refuse_absent(asked)
        replies = chat.ask(asked, plan.asked(asked), Form(_LONGEST))
        silent = [reply for reply in replies if reply is None or not reply.said]
        if len(silent) > SILENT * len(replies):
            chat.forget([asked], [reply for reply in silent if reply is not None])
            raise ServiceError(
                f"{len(silent):,} of {len(replies):,} replies say nothing ({percent(SILENT)} may), "
                f"{silent.count(None):,} of them since they are no chat completion",
                where=chat.name,
                fix="check what the server makes of a question; a model that thinks aloud has "
                f"{_LONGEST} tokens for its thoughts and the answer, so take one that does not",
            )
    texts = [None if reply is None or not reply.said else reply.said for reply in replies]
    return plan.judged(texts, chat.name)


def distraction_cost(
    run: Run,
    answers: str | Path | pl.DataFrame,
    *,
    llm: str,
    api_key: str = "",
    prompt: str = "",
    distractors: int = DISTRACTORS,
    questions: int = QUESTIONS,
    characters: int = CHARACTERS,
) -> Foreseen:
    """What `distraction` of the same would ask; nobody is asked."""
    plan = _Plan.of(run, answers, distractors, questions, characters)
    asked = Prompt(prompt or PROMPT, ("query", "passages"), ("passages",))
    with scratch_folder() as scratch:
        chat = Chat(llm, scratch, api_key=api_key)
        return chat.foresee(asked, plan.asked(asked), Form(_LONGEST))


@dataclass
class _Plan:
    """Which questions are asked, and with which passages."""

    queries: list[str]
    answers: list[list[str]]
    lists: dict[str, list[list[str]]]
    distractors: int
    holding: int

    @classmethod
    def of(
        cls,
        run: Run,
        answers: str | Path | pl.DataFrame,
        distractors: int,
        questions: int,
        characters: int,
    ) -> _Plan:
        for name, number in (
            ("distractors", distractors), ("questions", questions), ("characters", characters)
        ):  # fmt: skip
            if number < 1:
                raise InputError(f"{name} = {number}", fix=f"give a number of {name} from 1 on")
        known, where = read_answers(answers)
        collection, seed = collection_of(run), run.recipe.seed
        texts = {
            name: text[:characters]
            for name, text in collection.corpus.select("doc_id", "text").iter_rows()
        }
        drawn = _Drawn(collection, run.negatives, texts, known, seed, distractors)
        found = [each for each in map(drawn.of, _order(known, seed)) if each is not None]
        if not found:
            raise DataError(
                f"no question has an answer, a positive whose first {characters:,} characters hold "
                f"it, and {distractors} negatives that do not",
                where=where,
                fix="fewer --distractors, more --characters, or answers as the documents word them",
            )
        found = found[:questions]
        asked = dict(collection.queries.select("query_id", "text").iter_rows())
        return cls(
            queries=[asked[query] for query, _ in found],
            answers=[known[query] for query, _ in found],
            lists={way: [lists[way] for _, lists in found] for way in WAYS},
            distractors=distractors,
            holding=drawn.holding,
        )

    def asked(self, prompt: Prompt) -> list[Messages]:
        """All questions, way by way."""
        return [
            prompt.filled({"query": query, "passages": passages})
            for way in WAYS
            for query, passages in zip(self.queries, self.lists[way], strict=True)
        ]

    def judged(self, replies: Sequence[str | None], model: str) -> Distraction:
        """Which answers are right; `ServiceError` where no question was answered in every way."""
        count = len(self.queries)
        by_way = {way: replies[at * count : (at + 1) * count] for at, way in enumerate(WAYS)}
        whole = [n for n in range(count) if all(by_way[way][n] is not None for way in WAYS)]
        if not whole:
            raise ServiceError(
                "no question was answered in every way",
                where=model,
                fix="check that the server serves this model, and that its context holds "
                f"{self.distractors + 1} passages",
            )
        right = {way: [holds(by_way[way][n] or "", self.answers[n]) for n in whole] for way in WAYS}
        return Distraction(right, self.distractors, count - len(whole), self.holding, model)


@dataclass
class _Drawn:
    """The passages that go with a question. `holding` counts negatives that hold an answer."""

    collection: Collection
    negatives: pl.DataFrame
    texts: Mapping[str, str]
    answers: Mapping[str, Sequence[str]]
    seed: int
    distractors: int
    holding: int = 0
    _hard: dict[str, list[str]] = field(init=False, repr=False)
    _good: dict[str, list[str]] = field(init=False, repr=False)
    _docs: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._hard = _lists(self.negatives.sort("query_id", "position"))
        judged = self.collection.qrels.filter(pl.col("relevance") > 0)
        self._good = _lists(judged.sort("query_id", "doc_id"))
        docs = self.collection.corpus["doc_id"]
        drawn = uniforms(id_hashes(docs), stream_key(self.seed, "distraction/random"))
        self._docs = docs.gather(np.argsort(drawn, kind="stable")).to_list()

    def of(self, query: str) -> tuple[str, dict[str, list[str]]] | None:
        """The lists of passages of a question, by way of asking; None where it has not enough."""
        good = self._good.get(query, [])
        positive = next((doc for doc in good if self._holds(query, doc)), None)
        named = [doc for doc in self._hard.get(query, []) if doc not in good]
        hard = [doc for doc in named if not self._holds(query, doc)]
        if positive is None or len(hard) < self.distractors:
            return None
        self.holding += len(named) - len(hard)
        hard, taken = hard[: self.distractors], {*good, *hard}
        pair = pl.DataFrame({"query_id": [query], "doc_id": [positive]})
        place, start = (
            float(pair_uniforms(pair.select(PAIR), self.seed, f"distraction/{what}")[0])
            for what in ("place", "start")
        )
        easy: list[str] = []
        first = int(start * len(self._docs))
        for doc in (*self._docs[first:], *self._docs[:first]):
            if len(easy) == self.distractors:
                break
            if doc not in taken and self.texts[doc] and not self._holds(query, doc):
                easy.append(doc)
        if len(easy) < self.distractors:
            return None
        at = int(place * (self.distractors + 1))
        lists = {
            ALONE: [positive],
            RANDOM: [*easy[:at], positive, *easy[at:]],
            HARD: [*hard[:at], positive, *hard[at:]],
        }
        lists[REORDERED] = reordered(lists[HARD])
        return query, {way: [self.texts[doc] for doc in docs] for way, docs in lists.items()}

    def _holds(self, query: str, doc: str) -> bool:
        return holds(self.texts[doc], self.answers[query])


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether the words of one of the answers stand in a text, one after another.

    >>> holds("It is the Yeast, of course.", ["yeast"]), holds("yeasty", ["yeast"])
    (True, False)
    """
    words = f" {_words(text)} "
    return any(f" {_words(answer)} " in words for answer in answers)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _lists(pairs: pl.DataFrame) -> dict[str, list[str]]:
    """Query -> its documents, in the order of the rows."""
    grouped = pairs.group_by("query_id", maintain_order=True).agg("doc_id")
    return dict(grouped.iter_rows())


def _order(known: Mapping[str, Sequence[str]], seed: int) -> list[str]:
    """The questions that have an answer, in an order drawn by their ids."""
    ids = pl.Series(sorted(known))
    drawn = uniforms(id_hashes(ids), stream_key(seed, "distraction"))
    return ids.gather(np.argsort(drawn, kind="stable")).to_list()


def read_answers(given: str | Path | pl.DataFrame) -> tuple[dict[str, list[str]], str]:
    """Query -> its answers, of a table of query_id and answer; and where they are from."""
    where = "answers" if isinstance(given, pl.DataFrame) else str(given)
    table = given if isinstance(given, pl.DataFrame) else read_table(Path(given))
    lacking = [name for name in ("query_id", "answer") if name not in table.columns]
    if lacking:
        raise DataError(
            f"the answers have no column {', '.join(lacking)}",
            where=where,
            fix="give a table of query_id and answer, a row for each answer",
        )
    rows = table.select(ids_of(table, "query_id", where), pl.col("answer").cast(pl.String))
    rows = rows.filter(pl.col("query_id").is_not_null(), pl.col("answer").str.contains(r"\w"))
    if rows.is_empty():
        raise DataError("there is no answer in the table", where=where, fix="fill `answer` in")
    grouped = rows.group_by("query_id", maintain_order=True).agg("answer")
    return dict(grouped.iter_rows()), where

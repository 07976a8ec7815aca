"""Negatives that a language model writes for a query: passages that look right and do not answer.

Sinha 2025, "Don't Retrieve, Generate: Prompting LLMs for Synthetic Training Data in Dense
Retrieval", has a model write a hard negative. In the first version of the paper it sees nothing but
the query, and such negatives are found as good as mined ones; in the third it sees a positive too,
and they are found worse throughout. Both are here (`given`), and neither is believed: what is
written is judged like any other candidate, for a model often answers what it was to miss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from negatives.arrays import Rows
from negatives.generator import Written
from negatives.make.asking import Asking
from negatives.make.cleaning import as_passage
from negatives.make.drawn import drawn_positives
from negatives.make.prompted import PromptedGenerator
from negatives.models.language_model import Words
from negatives.models.prompt import Filling
from negatives.opening import Context
from negatives.schema import TEXTS, Needs


class Passages(msgspec.Struct, frozen=True):
    """What a model is to answer."""

    passages: list[str]


class PassageWriter(PromptedGenerator):
    """A generator that shows a model a query, and perhaps what else is known of it.

    A subclass says what it shows besides (`shown`), and what a reply holds (`texts_of`).
    """

    shortest: Annotated[
        int, Meta(ge=1, description="characters of the shortest passage that is used")
    ] = 20

    generates: ClassVar[Written] = "documents"
    reply: ClassVar[type[msgspec.Struct]] = Passages

    @property
    def needs(self) -> Needs:
        """Texts of queries, and of the positives that are shown or whose length is told."""
        return TEXTS

    @property
    def prompt(self) -> str:
        """The prompt that is used."""
        return next(iter(self.words))

    def shown(self, context: Context, rows: Rows) -> list[dict[str, Filling]]:
        """What else each question is filled with, in the order of the queries `rows`."""
        return [{} for _ in rows]

    def texts_of(
        self, reply: Any, context: Context, query: int
    ) -> Sequence[tuple[str, int | None]]:
        """The passages in a reply, each with the grade that it was meant to have."""
        return [(text, None) for text in reply.passages]

    def made(self, context: Context, rows: Rows, ask: Asking) -> list[tuple[Any, ...]]:
        """What is used of each reply to the question that each query is shown with."""
        return list(self.passages(context, rows, ask, self.shown(context, rows)))

    def passages(
        self, context: Context, rows: Rows, ask: Asking, shown: Sequence[Mapping[str, Filling]]
    ) -> list[tuple[int, str, int | None]]:
        """Query, text and grade of what is used: each text once, none that is no passage."""
        queries = context.collection.query_texts(rows)
        fillings = [{"query": query, **more} for query, more in zip(queries, shown, strict=True)]
        found: list[tuple[int, str, int | None]] = []
        for row, query, reply in zip(
            rows.tolist(), queries, ask.ask(self.prompt, fillings, self.reply), strict=True
        ):
            said: dict[str, int | None] = {}
            for text, grade in () if reply is None else self.texts_of(reply, context, row):
                passage, why = as_passage(text, query, self.shortest)
                if not why and passage in said:
                    why = "written before"
                if why:
                    ask.dropped[why] += 1
                else:
                    said[passage] = grade
            found += [(row, text, grade) for text, grade in said.items()]
        return found

    def positive_texts(self, context: Context, rows: Rows) -> dict[int, str]:
        """Query -> the text of one of its positives, as much of it as is shown."""
        drawn = drawn_positives(context, rows, f"{self.kind}/positive")
        texts = context.collection.doc_texts(drawn["doc"].to_numpy())
        return {
            query: text[: self.characters or None]
            for query, text in zip(drawn["query"].to_list(), texts, strict=True)
        }


class WrittenNegatives(PassageWriter, kind="written"):
    """Passages that look as if they answered the query, and do not.

    >>> from negatives import WrittenNegatives
    >>> stage = WrittenNegatives(model="http://127.0.0.1:8080/v1#qwen", given="query+positive")
    >>> stage.label, stage.generates
    ('written', 'documents')
    """

    count: Annotated[int, Meta(ge=1, le=20, description="passages a query")] = 1
    given: Annotated[
        Literal["query", "query+positive"],
        Meta(description="what the model sees: the query alone, or a positive of it too"),
    ] = "query"

    words: ClassVar[Mapping[str, Words]] = {
        "make-negatives": Words(("query",), ("positives",), ("count",))
    }

    @property
    def several(self) -> int:
        """As many as are asked for."""
        return self.count

    @property
    def longest(self) -> int:
        """Some two hundred tokens a passage."""
        return 220 * self.count + 20

    def shown(self, context: Context, rows: Rows) -> list[dict[str, Filling]]:
        """How many are wanted, and the positive where it is to be seen."""
        positives: dict[int, str] = {}
        if self.given != "query":
            positives = self.positive_texts(context, rows)
        return [
            {"count": self.count, "positives": [positives[row]] if row in positives else []}
            for row in rows.tolist()
        ]

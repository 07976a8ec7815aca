"""Queries that a language model writes from documents, kept where they find their document.

Wang et al. 2022, "GPL: Generative Pseudo Labeling for Unsupervised Domain Adaptation of Dense
Retrieval", have three queries written from each passage, by a model trained for it; here a model is
asked. A query that does not find its own document among the first is too vague, or about something
else, and is dropped (round-trip consistency, as Alberti et al. 2019 and Dai et al. 2023 have it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from negatives.arrays import Rows
from negatives.generator import Written
from negatives.make.asking import Asking
from negatives.make.cleaning import as_query
from negatives.make.prompted import PromptedGenerator, with_text
from negatives.make.round_trip import Search, ranks
from negatives.models.language_model import Words
from negatives.models.prompt import Filling
from negatives.opening import Context
from negatives.schema import Needs

PROMPT = "make-queries"


class Queries(msgspec.Struct, frozen=True):
    """What a model is to answer."""

    queries: list[str]


class WrittenQueries(PromptedGenerator, kind="queries"):
    """Several queries a document, by a language model; those that do not find it are dropped.

    >>> from negatives import WrittenQueries
    >>> stage = WrittenQueries(model="http://127.0.0.1:8080/v1#qwen", count=2)
    >>> stage.calls_each, stage.needs.docs
    (1, ('text',))
    """

    count: Annotated[int, Meta(ge=1, le=20, description="queries a document")] = 3
    round_trip: Annotated[
        int,
        Meta(ge=0, description="ranks within which a query must find its document; 0: it need not"),
    ] = 10
    search: Annotated[Search, Meta(description="what finds it: a kind of [[find]]")] = "bm25"

    generates: ClassVar[Written] = "queries"
    words: ClassVar[Mapping[str, Words]] = {PROMPT: Words(("document",), flags=("count",))}

    @property
    def needs(self) -> Needs:
        """Texts of the documents; queries are what it makes."""
        return Needs(docs=("text",), instead="give a collection of texts")

    @property
    def several(self) -> int:
        """As many as are asked for."""
        return self.count

    @property
    def longest(self) -> int:
        """Some forty tokens a query."""
        return 40 * self.count + 20

    def made(self, context: Context, rows: Rows, ask: Asking) -> list[tuple[Any, ...]]:
        """`count` queries of each document at most, each once."""
        rows = with_text(context, rows)
        texts = context.collection.doc_texts(rows)
        fillings: list[dict[str, Filling]] = [
            {"document": text[: self.characters or None], "count": self.count} for text in texts
        ]
        found: list[tuple[int, str]] = []
        for doc, text, reply in zip(
            rows.tolist(), texts, ask.ask(PROMPT, fillings, Queries), strict=True
        ):
            for said in dict.fromkeys([] if reply is None else reply.queries[: self.count]):
                query, why = as_query(said, text)
                if why:
                    ask.dropped[why] += 1
                else:
                    found.append((doc, query))
        return [(doc, query, None) for doc, query in self._that_return(context, found, ask)]

    def _that_return(
        self, context: Context, found: list[tuple[int, str]], ask: Asking
    ) -> list[tuple[int, str]]:
        if not self.round_trip:
            return found
        docs, queries = [doc for doc, _ in found], [query for _, query in found]
        rank = ranks(context, queries, docs, self.search, self.round_trip)
        kept = [each for each, place in zip(found, rank, strict=True) if place <= self.round_trip]
        if len(kept) < len(found):
            why = f"not found within {self.round_trip} by {self.search}"
            ask.dropped[why] += len(found) - len(kept)
        return kept

"""Queries on which the search fails: found by showing a model those on which it did not.

Li et al. 2025, "Forewarned is Forearmed: Leveraging LLMs for Data Synthesis through
Failure-Inducing Exploration" (ReverseGen), train a proposer by preference so that it writes what a
target fails on. This is a reconstruction without training: the target is the search, it fails where
a query does not find its document among the first, and what it did find is shown to the model as
what not to write, round by round. A query that no search finds at all is as likely to be about
something else as to be hard: beyond `within` ranks it is dropped, the gate that the paper needs a
judge for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from negatives.arrays import Rows
from negatives.errors import RecipeError
from negatives.generator import Written
from negatives.make.asking import Asking, Foreseeing
from negatives.make.cleaning import as_query
from negatives.make.prompted import PromptedGenerator, with_text
from negatives.make.queries import Queries
from negatives.make.round_trip import Search, ranks
from negatives.models.language_model import Words
from negatives.models.prompt import Filling
from negatives.opening import Context
from negatives.schema import Needs

PROMPT = "make-harder-queries"


class FailureInducing(PromptedGenerator, kind="failure-inducing"):
    """Queries that do not find their document among the first, though they are about it.

    >>> from negatives import FailureInducing
    >>> FailureInducing(model="http://127.0.0.1:8080/v1#qwen", rounds=3).calls_each
    3
    """

    rounds: Annotated[int, Meta(ge=1, le=10, description="times a document is asked about")] = 2
    found: Annotated[
        int, Meta(ge=1, description="ranks within which the search succeeds, and does not fail")
    ] = 3
    within: Annotated[
        int, Meta(ge=1, description="ranks within which a query is taken to be about its document")
    ] = 100
    search: Annotated[Search, Meta(description="what is to fail: a kind of [[find]]")] = "bm25"

    generates: ClassVar[Written] = "queries"
    words: ClassVar[Mapping[str, Words]] = {PROMPT: Words(("document",), ("examples",))}

    @property
    def needs(self) -> Needs:
        """Texts of the documents; queries are what it makes."""
        return Needs(docs=("text",), instead="give a collection of texts")

    @property
    def longest(self) -> int:
        """One query."""
        return 80

    @property
    def calls_each(self) -> int:
        """One question a round."""
        return self.rounds

    def check(self) -> None:
        """Failing is not being lost."""
        PromptedGenerator.check(self)
        if self.within <= self.found:
            raise RecipeError(
                f"failure-inducing: within = {self.within} is no more than found = {self.found}",
                fix="raise within: queries between the two are kept",
            )

    def made(self, context: Context, rows: Rows, ask: Asking) -> list[tuple[Any, ...]]:
        """The first query of each document that fails, if one of the rounds gives one."""
        texts = dict(
            zip(
                (todo := with_text(context, rows).tolist()),
                context.collection.doc_texts(with_text(context, rows)),
                strict=True,
            )
        )
        tried: dict[int, list[str]] = {doc: [] for doc in todo}
        failing: dict[int, str] = {}
        for _ in range(self.rounds):
            fillings: list[dict[str, Filling]] = [
                {"document": texts[doc][: self.characters or None], "examples": tried[doc]}
                for doc in todo
            ]
            replies = ask.ask(PROMPT, fillings, Queries)
            if isinstance(ask, Foreseeing):
                continue  # every document is asked about again, at most
            written: dict[int, str] = {}
            for doc, reply in zip(todo, replies, strict=True):
                said = reply.queries[0] if reply is not None and reply.queries else ""
                query, why = as_query(said, texts[doc])
                if why:
                    ask.dropped[why] += 1
                else:
                    written[doc] = query
            rank = ranks(context, [*written.values()], [*written], self.search, self.within)
            for (doc, query), place in zip(written.items(), rank.tolist(), strict=True):
                tried[doc].append(query)
                if place > self.within:
                    ask.dropped[f"not found within {self.within} by {self.search}"] += 1
                elif place > self.found:
                    failing[doc] = query
                else:
                    ask.dropped[f"found within {self.found} by {self.search}"] += 1
            todo = [doc for doc in todo if doc not in failing]
        return [(doc, failing[doc], None) for doc in sorted(failing)]

"""Candidates of a query in several other words, united: reformulations by a language model.

Dhole and Agichtein 2024, "GenQREnsemble", and Dhole, Chandradevan and Agichtein 2024, "Generative
Query Reformulation Using Ensemble Prompting, Document Fusion, and Relevance Feedback": a model is
asked in several ways what else the query might be searched by. `fusion` searches with each set of
words beside the query, and adds up the reciprocal ranks; `ensemble` searches once with all of them.
A document that many reformulations find and nobody has labelled may well be relevant; one that a
single one finds is near the subject. The instructions are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final, Literal, cast

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Rows
from negatives.errors import ServiceError
from negatives.events import Counted
from negatives.find.fused import fuse
from negatives.models.chat import Chat, Form
from negatives.models.language_model import ApiKey, Endpoint, refuse_literal_keys
from negatives.models.prompt import Prompt
from negatives.opening import Context, Proposer
from negatives.schema import GIVEN, TEXTS, Needs
from negatives.settings import FileName
from negatives.stage import Share, Source, build
from negatives.store.atomic import make_folder
from negatives.text.keys import normalised

PROMPT: Final = "find-reformulations"
WAYS: Final = 10
"""Ways in which the shipped prompt asks."""


class Reformulations(Source, kind="reformulations"):
    """What a search finds for each query and for what a language model would search instead.

    >>> from negatives import Reformulations
    >>> Reformulations(model="http://127.0.0.1:8080/v1#qwen", ways=3).label
    'reformulations'
    """

    repeats_others: ClassVar[bool] = True
    model: Endpoint
    api_key: ApiKey = ""
    prompt: Annotated[
        FileName, Meta(description="a Jinja file with query, and way, a number from 1; empty: ours")
    ] = ""
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    ways: Annotated[
        int, Meta(ge=1, le=50, description=f"ways in which it is asked; ours has {WAYS}")
    ] = 5
    how: Annotated[
        Literal["fusion", "ensemble"],
        Meta(description="a search for each reformulation, or one with all their words"),
    ] = "fusion"
    repeat: Annotated[
        int, Meta(ge=1, le=20, description="times the query stands before its reformulation")
    ] = 2
    search: Annotated[
        Literal["bm25", "dense"], Meta(description="what is searched by: a kind of [[find]]")
    ] = "bm25"
    k: Annotated[int, Meta(ge=1, description="fusion: the larger, the flatter")] = 60
    temperature: Annotated[float, Meta(ge=0, le=2, description="how freely the model writes")] = 0.7
    unknown: Annotated[
        Share, Meta(description="share of replies that may be none; more is an error")
    ] = 0.1

    @property
    def needs(self) -> Needs:
        """Texts of both sides."""
        return TEXTS

    def check(self) -> None:
        """No key stands in a recipe."""
        refuse_literal_keys(self.kind, {"api_key": self.api_key})

    def refuse_absent(self, context: Context) -> None:
        """The server is there, or replies are kept."""
        Chat(self.model, context.scratch, api_key=self.api_key).refuse_absent(self._asks())

    def _asks(self) -> Prompt:
        return Prompt(self.prompt or PROMPT, ("query",), flags=("way",))

    def open(self, context: Context) -> ReformulatedProposer:
        """Ask for all mined queries, and open the search on what comes back."""
        data, mined = context.collection, context.collection.mined_queries
        prompt = self._asks()
        chat = Chat(self.model, context.scratch, api_key=self.api_key, emit=context.emit)
        words = self._words(context, chat, prompt, data.query_texts(mined))
        asked, owner = [], []
        for place, (query, said) in enumerate(zip(data.query_texts(mined), words, strict=True)):
            for text in searched(query, said, self.repeat, self.how):
                asked.append(text)
                owner.append(place)
        own = mined[np.array(owner, np.int64)]
        ids = [f"{place:09d}" for place in range(len(asked))]
        rows = np.arange(len(asked), dtype=np.uint32)
        known = pl.DataFrame({"row": rows, "query": own}).join(
            data.judged, on="query", how="left", maintain_order="left"
        )
        qrels = pl.DataFrame(
            {
                "query_id": pl.Series(ids).gather(known["row"]),
                "doc_id": data.corpus["doc_id"].gather(known["doc"]),
                "relevance": known["relevance"],
            }
        )
        queries = pl.DataFrame({"query_id": ids, "text": asked, "row": rows})
        several = replace(
            data, queries=queries, qrels=qrels, given=pl.DataFrame(schema=GIVEN), identity="text"
        )
        source = cast("Source", build("find", {"kind": self.search, "top": self.top}))
        folder = make_folder(context.scratch / f"{self.search}-{self.how}")
        inner = source.open(replace(context, collection=several, scratch=folder))
        fingerprint = f"{chat.fingerprint}-{prompt.hash}-{inner.fingerprint}"
        return ReformulatedProposer(self, inner, own, fingerprint)

    def _words(
        self, context: Context, chat: Chat, prompt: Prompt, queries: list[str]
    ) -> list[list[str]]:
        """What is said of each query, way by way; a reply that did not come says nothing."""
        questions = [
            prompt.filled({"query": query, "way": way + 1})
            for query in queries
            for way in range(self.ways)
        ]
        form = Form(120, temperature=self.temperature, seed=context.seed & 0x7FFFFFFF)
        found = chat.ask(prompt, questions, form)
        lost = sum(each is None for each in found)
        context.emit(Counted(f"find {self.label}", {"asked": len(found), "unknown": lost}))
        if lost > self.unknown * len(found):
            raise ServiceError(
                f"{lost:,} of {len(found):,} replies are no chat completion",
                where=chat.name,
                fix="take another server, or raise unknown",
            )
        said = ["" if each is None else each.said for each in found]
        return [said[at : at + self.ways] for at in range(0, len(said), self.ways)]


def searched(query: str, said: list[str], repeat: int, how: str) -> list[str]:
    """What is searched for instead of a query: the query itself where nothing new was said.

    >>> searched("q", ["alpha, beta", "- beta; gamma"], 2, "ensemble")
    ['q q alpha beta gamma']
    >>> searched("q", ["alpha", ""], 1, "fusion")
    ['q alpha', 'q']
    """
    sets = [
        [word for word in dict.fromkeys(words.split()) if word not in own.split()]
        for own, *many in [normalised(pl.Series([query, *said])).to_list()]
        for words in many
    ]
    if how == "ensemble":
        sets = [list(dict.fromkeys(word for words in sets for word in words))]
    before = " ".join([query] * repeat)
    return [f"{before} {' '.join(words)}" if words else query for words in sets]


@dataclass(frozen=True)
class ReformulatedProposer:
    """A search opened on the reformulations, each of the query that `own` says."""

    stage: Reformulations
    inner: Proposer
    own: Rows
    fingerprint: str

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The candidates of all reformulations of a query, by the sum of their reciprocal ranks."""
        rows = np.flatnonzero(np.isin(self.own, queries)).astype(np.uint32)
        found = self.inner.propose(rows, {}).rename({"query": "row"})
        place = np.arange(len(self.own))
        begins = np.diff(self.own, prepend=self.own[:1] + 1) != 0
        number = place - np.maximum.accumulate(np.where(begins, place, 0))
        of_row = pl.DataFrame({"row": rows, "query": self.own[rows], "way": number[rows]})
        found = found.join(of_row, on="row")
        lists = {
            f"{way:03d}": found.filter(way=way).select("query", "doc", "rank", "score")
            for way in found["way"].unique().sort().to_list()
        }
        if not lists:
            return found.select("query", "doc", "rank", "score")
        return fuse(lists, dict.fromkeys(lists, 1.0), k=self.stage.k, top=self.stage.top)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a fused score exists only within a list."""
        return None

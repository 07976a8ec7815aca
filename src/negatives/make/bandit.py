"""Negatives by whichever of several language models writes best for a query like this one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Places, Rows
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.events import Counted
from negatives.generator import ORIGIN, WRITTEN_DOCS, Generator, Written
from negatives.make.worth import Worth
from negatives.make.written import WrittenNegatives
from negatives.models.language_model import ApiKey, Tokens, Unknown, refuse_literal_keys
from negatives.opening import NOTHING, Context, Foreseen
from negatives.schema import TEXTS, Needs
from negatives.settings import ModelName
from negatives.stage import PositiveInt
from negatives.stats.kernel_ucb import KernelUCB

_RIDGE = 0.1


class GeneratorBandit(Generator, kind="bandit"):
    """Each query is given to the model that is expected to write the hardest negative for it.

    PAK-UCB (Hu, Leung and Farnia, 2024): models are arms, a kernel function for each foresees what
    it earns for a query, and the one with the highest upper confidence bound is asked. Some queries
    of the collection, drawn by their ids, are explored in that way, a few at a time; the others
    are given to the arm with the highest mean. A passage earns how near it comes to the query as a
    share of how near a positive is, by an encoder, and nothing from `rejected` of it on: then a
    judge would take it for an answer. The paper's random features are not needed for so few
    queries. Which model wrote a passage stands in the generated layer.

    >>> from negatives.make.bandit import GeneratorBandit
    >>> small, large = "http://127.0.0.1:8080/v1#small", "http://127.0.0.1:8080/v1#large"
    >>> GeneratorBandit(writers=[small, large], explore=32).calls_each
    1
    """

    writers: Annotated[
        list[ModelName], Meta(min_length=2, description="URL#NAME of each, as `written` takes it")
    ]
    api_key: ApiKey = ""
    count: Annotated[int, Meta(ge=1, le=20, description="passages a query")] = 1
    given: Annotated[
        Literal["query", "query+positive"],
        Meta(description="what a model sees: the query alone, or a positive of it too"),
    ] = "query"
    explore: Annotated[
        PositiveInt, Meta(description="queries from which it is learned who writes best")
    ] = 64
    together: Annotated[
        PositiveInt, Meta(description="of them, those asked about before anything is learned anew")
    ] = 8
    doubt: Annotated[
        float, Meta(ge=0, description="how much an arm that is not known yet is preferred")
    ] = 0.5
    width: Annotated[
        float, Meta(gt=0, description="of the kernel, in distances of unit vectors")
    ] = 0.5
    rejected: Annotated[
        float, Meta(gt=0, le=1, description="share of the positive's cosine that earns nothing")
    ] = 0.95
    encoder: Annotated[
        ModelName, Meta(description="what says how near texts are, as in [[find]]")
    ] = "static"
    unknown: Unknown = 0.1
    tokens: Tokens = 0

    generates: ClassVar[Written] = "documents"

    @property
    def needs(self) -> Needs:
        """Texts on both sides."""
        return TEXTS

    def check(self) -> None:
        """No key stands in a recipe."""
        refuse_literal_keys(self.kind, {"api_key": self.api_key})

    @property
    def calls_each(self) -> int:
        """One question for each query."""
        return 1

    @property
    def arms(self) -> list[WrittenNegatives]:
        """A generator for each model."""
        return [
            WrittenNegatives(
                model=model,
                name=self.label,
                api_key=self.api_key,
                count=self.count,
                given=self.given,
                unknown=self.unknown,
                tokens=self.tokens,
            )
            for model in self.writers
        ]

    def refuse_absent(self, context: Context) -> None:
        """Each of the models is there."""
        for arm in self.arms:
            arm.refuse_absent(context)

    def ready(self, context: Context) -> None:
        """Read the prompt and the addresses."""
        for arm in self.arms:
            arm.ready(context)

    def foresee(self, context: Context, rows: Rows) -> Foreseen:
        """As if the first model wrote for all of them, and for those that are explored."""
        asked = np.union1d(rows, self._explored(context)).astype(np.uint32)
        return self.arms[0].foresee(context, asked) if len(rows) else NOTHING

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """Passages of the best arm of each query; of an explored one, of the arm it was given."""
        if not len(rows):
            return pl.DataFrame(schema={**WRITTEN_DOCS, **ORIGIN})
        worth = Worth(context, self.encoder, self.rejected)
        bandit = KernelUCB(len(self.writers), ridge=_RIDGE, width=self.width)
        explored = self._explored(context)
        taken = np.full(len(context.collection.queries), -1, np.int64)
        for start in range(0, len(explored), self.together):
            some = np.sort(explored[start : start + self.together])
            at = worth.query_vectors(some).astype(np.float64)
            arm = bandit.choose(at, self.doubt)
            if not start:  # nothing is known: each arm has its turn
                arm = np.arange(len(some)) % len(self.writers)
            taken[some] = arm
            made = self._by(context, some, arm)
            earned = worth.of(made["query"].to_list(), made["text"].to_list())
            best = np.zeros(len(some))
            np.maximum.at(best, np.searchsorted(some, made["query"].to_numpy()), earned)
            bandit.learn(arm, at, best)
        arm = taken[rows]
        new = arm < 0
        if new.any():
            arm[new] = bandit.choose(worth.query_vectors(rows[new]).astype(np.float64))
        told = {f"by {name}": int((arm == at).sum()) for at, name in enumerate(self._names)}
        context.emit(Counted(f"make {self.label}", told))
        return self._by(context, rows, arm)

    @property
    def _names(self) -> list[str]:
        return [model.rpartition("#")[2].partition("?")[0] for model in self.writers]

    def _explored(self, context: Context) -> Rows:
        """Queries of the whole collection, drawn by their ids, in the order of exploring."""
        mined = context.collection.mined_queries
        ids = context.collection.queries["query_id"].gather(mined)
        drawn = uniforms(id_hashes(ids), stream_key(context.seed, f"make/{self.label}/explore"))
        return mined[np.argsort(drawn, kind="stable")[: self.explore]]

    def _by(self, context: Context, rows: Rows, arm: Places) -> pl.DataFrame:
        """What each arm writes for its queries."""
        made = [
            writer.write(context, rows[arm == at])
            for at, writer in enumerate(self.arms)
            if (arm == at).any()
        ]
        return pl.concat(made).sort("query", maintain_order=True)

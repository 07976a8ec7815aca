"""Passages from domains that a language model imagines, and from what it is shown of other queries.

Two more ways to have a model write what a query is not answered by, each with one reply a query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Rows
from negatives.chance import id_hashes, mix, stream_key, uniforms
from negatives.make.written import Passages, PassageWriter
from negatives.models.language_model import Shown, Words
from negatives.models.prompt import Filling
from negatives.opening import Context


class Imagined(msgspec.Struct, frozen=True):
    """A domain, and a passage of it."""

    domain: str
    passage: str


class Domains(msgspec.Struct, frozen=True):
    """What a model is to answer."""

    domains: list[Imagined]


class ImaginedDomains(PassageWriter, kind="imagined-domains"):
    """Passages of other domains in which the query's words are used, which the model thinks up.

    After "Beyond Finite Data: Towards Data-free Out-of-distribution Generalization via
    Extrapolation", whose model names domains that the data does not have and whose generator draws
    images of them; here the same reply holds a passage of each.

    >>> from negatives import ImaginedDomains
    >>> ImaginedDomains(model="http://127.0.0.1:8080/v1#qwen", count=2).longest
    520
    """

    count: Annotated[int, Meta(ge=1, le=20, description="domains, and passages, a query")] = 2

    words: ClassVar[Mapping[str, Words]] = {
        "make-imagined": Words(("query",), ("positives",), ("count",))
    }
    reply: ClassVar[type[msgspec.Struct]] = Domains

    @property
    def longest(self) -> int:
        """A name and a passage each."""
        return 250 * self.count + 20

    def shown(self, context: Context, rows: Rows) -> list[dict[str, Filling]]:
        """A positive, so that the model sees of which domain the query is."""
        known = self.positive_texts(context, rows)
        return [
            {"count": self.count, "positives": [known[row]] if row in known else []}
            for row in rows.tolist()
        ]

    def texts_of(
        self, reply: Any, context: Context, query: int
    ) -> Sequence[tuple[str, int | None]]:
        """The passages."""
        return [(each.passage, None) for each in reply.domains[: self.count]]


class ContrastingDemonstrations(PassageWriter, kind="contrasting-demonstrations"):
    """A passage after examples: other queries, each with what answers it and what does not.

    After "Link-Context Learning for Multimodal LLMs", whose demonstrations pair what belongs
    together with what does not, so that the model sees the link and not the looks. The examples are
    other queries of the collection, drawn by ids, with a positive each and a judged or given
    negative; where a query has none, a positive of another one stands for it.

    >>> from negatives import ContrastingDemonstrations
    >>> ContrastingDemonstrations(model="http://127.0.0.1:8080/v1#qwen").calls_each
    1
    """

    examples: Annotated[int, Meta(ge=1, le=8, description="other queries that are shown")] = 3
    count: Annotated[int, Meta(ge=1, le=20, description="passages a query")] = 1
    characters: Shown = 1000

    words: ClassVar[Mapping[str, Words]] = {
        "make-contrasting": Words(("query",), ("examples", "positives", "negatives"), ("count",))
    }
    reply: ClassVar[type[msgspec.Struct]] = Passages

    @property
    def longest(self) -> int:
        """Some two hundred tokens a passage."""
        return 220 * self.count + 20

    def shown(self, context: Context, rows: Rows) -> list[dict[str, Filling]]:
        """The examples of each query."""
        data, most = context.collection, self.characters or None
        shown = self._drawn(context)
        texts = data.corpus["text"]
        asked = data.query_texts(shown["query"].to_numpy())
        right, wrong = (texts.gather(shown[name]).to_list() for name in ("doc", "other"))
        hashes = id_hashes(data.queries["query_id"])
        own, others = hashes[rows], hashes[shown["query"].to_numpy()]
        key = stream_key(context.seed, f"{self.kind}/examples")
        made: list[dict[str, Filling]] = []
        for row, hashed in zip(rows.tolist(), own, strict=True):
            draws = uniforms(mix(others ^ mix(np.array([hashed], np.uint64))), key)
            draws[(shown["query"] == row).to_numpy()] = 1.0
            chosen = np.argsort(draws, kind="stable")[: self.examples].tolist()
            chosen = [place for place in chosen if draws[place] < 1]
            made.append(
                {
                    "count": self.count,
                    "examples": [asked[place] for place in chosen],
                    "positives": [right[place][:most] for place in chosen],
                    "negatives": [wrong[place][:most] for place in chosen],
                }
            )
        return made

    def _drawn(self, context: Context) -> pl.DataFrame:
        """query, doc, other: queries that may be shown, with what answers each and what does not.

        A few hundred of them, drawn by ids, from which each query's own are drawn.
        """
        data = context.collection
        empty = pl.Series(data.lacking("docs", ("text",)), dtype=pl.UInt32)
        known = data.positives.filter(~pl.col("doc").is_in(empty.implode()))
        known = known.unique("query", keep="first", maintain_order=True)
        ids = data.queries["query_id"].gather(known["query"])
        drawn = uniforms(id_hashes(ids), stream_key(context.seed, f"{self.kind}/pool"))
        known = known.with_columns(drawn=pl.Series(drawn)).sort("drawn").head(POOL)
        judged = pl.concat(
            [
                data.judged.filter(pl.col("relevance") == 0).select("query", "doc"),
                data.rows_of(data.given).select("query", "doc"),
            ]
        ).filter(~pl.col("doc").is_in(empty.implode()))
        judged = judged.sort("query", "doc").unique("query", keep="first").rename({"doc": "other"})
        next_one = pl.coalesce(pl.col("doc").shift(-1), pl.col("doc").first())
        return (
            known.with_columns(next_one.alias("stand_in"))
            .join(judged, on="query", how="left", maintain_order="left")
            .select("query", "doc", other=pl.coalesce("other", "stand_in"))
        )


POOL = 300
"""Queries of which examples are drawn."""

"""Entities of the type that a relation asks for: its domain, or its range."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Places, Ragged
from negatives.events import Warned
from negatives.find.pooled import Lists, Mix, Pooled
from negatives.opening import Context
from negatives.read.triple_names import BETWEEN
from negatives.sample.triples import Graph, Pools
from negatives.schema import Collection, Needs


class Typed(Pooled, kind="typed"):
    """Entities of the type that the question asks for, and never a known answer.

    The head of "born in" is a person, its tail a place: "Paris born in 1998" teaches nothing, a
    wrong person does. Which types are meant is not written down in most graphs; the entities that
    are seen on that side of the relation stand for them (Krompass et al., 2015), or those that
    share a type with one of these, by the field `type`. Draws of the types alone make a model
    worse; `mix` keeps others.

    >>> from negatives import Typed, tiny
    >>> tiny.proposed(Typed(top=3, mix=1.0))["pans"]
    ['plane', 'lift']
    >>> tiny.proposed(Typed(top=3, mix=0.5))["pans"]
    ['stove', 'plane', 'lift']
    """

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    mix: Mix = 0.5
    types: Annotated[
        Literal["seen", "field"],
        Meta(description="entities seen on that side, or all that share a type with one of them"),
    ] = "seen"

    @property
    def needs(self) -> Needs:
        """What a question asks for; with `types = "field"`, types of the entities."""
        instead = "typed is for triples of a knowledge graph: leave it out, or take random"
        docs = ("type",) if self.types == "field" else ()
        return Needs(docs=docs, queries=("relation", "asks"), instead=instead)

    def lists(self, context: Context) -> tuple[Lists, str]:
        """A list for each side of each relation."""
        collection = context.collection
        side = sides(collection)
        positives = collection.positives
        seen = pl.DataFrame(
            {"list": side[positives["query"].to_numpy()], "doc": positives["doc"]}
        ).unique()
        if self.types == "field":
            seen = _sharing(collection, seen)
        seen = seen.sort("list", "doc")
        count = int(side.max(initial=-1)) + 1
        docs = Ragged.of_owners(
            seen["list"].to_numpy(), seen["doc"].to_numpy().astype(np.uint32), count
        )
        whole = docs.lengths >= len(collection.corpus)
        if whole.all() and count:
            context.emit(Warned(f"{self.label}: every entity is of the type that is asked for"))
        return Lists.of(docs, np.arange(len(side)), side), "data"

    def pools(self, context: Context, graph: Graph, rows: Places) -> Pools:
        """The list of its relation and side for each question."""
        found, _ = self.lists(context)
        of_row = np.full(len(graph.keys), -1, np.int64)
        there = rows >= 0
        of_row[rows[there]] = sides(context.collection)[there]
        return Pools(found.docs, of_row=of_row)


def sides(collection: Collection) -> Places:
    """int64[queries]: the number of each query's relation and side, among those there are."""
    named = collection.queries.select("relation", "asks")
    numbers = named.unique().sort("relation", "asks").with_row_index("side")
    found = named.join(numbers, on=["relation", "asks"], how="left", maintain_order="left")
    return found["side"].to_numpy().astype(np.int64)


def _sharing(collection: Collection, seen: pl.DataFrame) -> pl.DataFrame:
    """list, doc of every document that shares a type with one that was seen; those too."""
    types = (
        collection.corpus.with_row_index("doc")
        .select("doc", pl.col("type").cast(pl.String).str.split(BETWEEN))
        .explode("type")
        .drop_nulls("type")
    )
    wanted = seen.join(types, on="doc").select("list", "type").unique()
    shared = wanted.join(types, on="type").select("list", "doc")
    return pl.concat([seen, shared]).unique()

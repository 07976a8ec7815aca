"""A collection of questions as triples again: numbers of entities and relations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from negatives.arrays import Places
from negatives.optional import require, torch
from negatives.sample.triples import Graph, Triples
from negatives.schema import Collection

_FIELDS = ("entity", "relation", "asks")


@dataclass(frozen=True)
class Numbering:
    """Numbers of entities and of relations: the places of their ids, which are in order."""

    entities: pl.Series
    relations: pl.Series

    @staticmethod
    def of(collection: Collection) -> Numbering:
        """All entities of a graph, and the relations of a split."""
        return Numbering(
            collection.corpus["doc_id"], collection.queries["relation"].unique().sort()
        )

    @cached_property
    def entity_to_id(self) -> dict[str, int]:
        """What PyKEEN calls it."""
        return {label: number for number, label in enumerate(self.entities)}

    @cached_property
    def relation_to_id(self) -> dict[str, int]:
        """What PyKEEN calls it."""
        return {label: number for number, label in enumerate(self.relations)}

    def triples(self, collection: Collection, relevant: bool = True) -> Triples:
        """int64[n, 3]: the triples of a collection that are true, or verified to be false.

        Those with an entity or a relation that has no number are left out.
        """
        grade = pl.col("relevance")
        judged = collection.qrels.filter(grade > 0 if relevant else grade == 0)
        rows = judged.join(
            collection.queries.select("query_id", *_FIELDS), on="query_id", how="left"
        )
        tails = rows.filter(pl.col("asks") == "tail")
        named = tails.select(head="entity", relation="relation", tail="doc_id")
        heads = rows.filter(pl.col("asks") == "head")
        asked = heads.select(head="doc_id", relation="relation", tail="entity")
        every = pl.concat([named, asked]).unique().sort("relation", "head", "tail")
        made = np.stack(
            [
                numbers(every["head"], self.entities),
                numbers(every["relation"], self.relations),
                numbers(every["tail"], self.entities),
            ],
            axis=1,
        )
        return made[(made >= 0).all(axis=1)]

    def graph(self, triples: Triples) -> Graph:
        """The questions of triples."""
        return Graph.of(triples, entities=len(self.entities), relations=len(self.relations))

    def questions(self, collection: Collection, graph: Graph) -> Places:
        """int64[queries]: the row of each query in a graph; -1: it has none."""
        queries = collection.queries
        side = (queries["asks"] == "head").to_numpy().astype(np.int64)
        relation = numbers(queries["relation"], self.relations)
        entity = numbers(queries["entity"], self.entities)
        key = (side * graph.relations + relation) * graph.entities + entity
        at = np.searchsorted(graph.keys, key)
        known = (relation >= 0) & (entity >= 0) & (graph.keys.take(at, mode="clip") == key)
        return np.where(known, at, -1)

    def factory(self, triples: Triples) -> Any:
        """A triples factory of PyKEEN."""
        made = require("pykeen.triples", extra="kg").TriplesFactory
        return made(torch.from_numpy(triples), self.entity_to_id, self.relation_to_id)


def numbers(ids: pl.Series, known: pl.Series) -> Places:
    """int64[n]: the place of each id among `known`; -1 of what is not there."""
    table = pl.DataFrame({"id": known}).with_row_index("number")
    found = pl.DataFrame({"id": ids}).join(table, on="id", how="left", maintain_order="left")
    return found["number"].cast(pl.Int64).fill_null(-1).to_numpy()

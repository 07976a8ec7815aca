"""Concepts that share a parent with a positive, in a taxonomy of the documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Doubles, Floats, Keys, Places, Rows, by_volume
from negatives.chance import id_hashes, mix, stream_key
from negatives.events import Noted, Warned
from negatives.find.candidates import COLUMNS
from negatives.opening import Context
from negatives.read.taxonomy import Edges, Taxonomy, needs
from negatives.schema import Collection, Needs
from negatives.stage import Source
from negatives.store.atomic import file_hash


class SameParent(Source, kind="same-parent"):
    """Siblings of a query's positives in a taxonomy (Decorte et al., 2022), drawn by chance.

    The concept that is next to the right one is the best negative where documents are concepts:
    skills, diseases, products. Ancestors and descendants of a positive are never proposed, whatever
    other way leads to them. With `up` 2, cousins come after the siblings, and so on. The taxonomy
    is the field `parent` of the documents, or a file of edges. The score is that of Wu and Palmer
    (1994): 2 d / (a + b), with the depths of the node where two concepts meet (d) and their own.

    >>> from negatives import SameParent, tiny
    >>> tiny.proposed(SameParent(top=2))["planes"]
    ['stall', 'lift']
    """

    reads_judgements: ClassVar[bool] = True  # they are siblings of what is judged relevant
    ranks_by_relevance: ClassVar[bool] = False
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 50
    up: Annotated[
        int,
        Meta(
            ge=1, le=16, description="steps up to the node where they meet: 1 siblings, 2 cousins"
        ),
    ] = 1
    edges: Edges = ""

    @property
    def needs(self) -> Needs:
        """The field `parent`, unless there is a file of edges."""
        return needs(self.edges)

    def open(self, context: Context) -> SameParentProposer:
        """Read the taxonomy; say how many queries have nothing to choose from."""
        collection = context.collection
        found = Taxonomy.of(collection, self.edges)
        proposer = SameParentProposer(
            stage=self,
            fingerprint=file_hash(Path(self.edges)) if self.edges else "data",
            collection=collection,
            taxonomy=found,
            allowed=_allowed(collection, found),
            keys=mix(
                id_hashes(collection.queries["query_id"])
                ^ stream_key(context.seed, f"find/{self.label}")
            ),
        )
        self._tell(context, found)
        return proposer

    def _tell(self, context: Context, taxonomy: Taxonomy) -> None:
        """How many documents have a parent, and how many queries no sibling of a positive."""
        positives = context.collection.positives
        doc = positives["doc"].to_numpy().astype(np.int64)
        parents = taxonomy.up.take(doc)
        several = taxonomy.down.lengths[parents.values] > 1
        with_sibling = np.unique(positives["query"].to_numpy()[parents.owners[several]])
        asked = len(context.collection.mined_queries)
        alone = asked - len(with_sibling)
        figures = {
            "documents": taxonomy.docs,
            "with a parent": int((taxonomy.up.lengths[: taxonomy.docs] > 0).sum()),
            "groups that are no documents": len(taxonomy.ids) - taxonomy.docs,
            "queries without a sibling": alone,
        }
        context.emit(Noted(f"taxonomy {self.label}", figures))
        if alone and self.up == 1:
            context.emit(
                Warned(
                    f"{self.label}: the positives of {alone:,} of {asked:,} queries have no "
                    f"sibling, so nothing is proposed for these; find.{self.label}.up = 2 takes "
                    "cousins, and another source, such as random, fills up"
                )
            )


def _allowed(collection: Collection, taxonomy: Taxonomy) -> Bools:
    """bool[nodes]: whether it is a document that can be proposed."""
    made = np.zeros(len(taxonomy.ids), np.bool_)
    made[: taxonomy.docs] = True
    made[collection.empty_docs] = False
    return made


@dataclass(frozen=True, slots=True)
class SameParentProposer:
    """A taxonomy, and a random key of every query: uint64[queries]."""

    stage: SameParent
    fingerprint: str
    collection: Collection
    taxonomy: Taxonomy
    allowed: Bools
    keys: Keys

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Siblings in a random order, then cousins, and so on, until there are `top`."""
        known = self.collection.positives.filter(
            pl.col("query").is_in(pl.Series(queries, dtype=pl.UInt32).implode())
        )
        counts = known.group_by("query", maintain_order=True).len()["len"].to_numpy()
        query, doc = (known[name].to_numpy().astype(np.int64) for name in ("query", "doc"))
        most = self.stage.top + int(counts.max(initial=0))
        ends = np.cumsum(counts)
        blocks = [
            self._of(query[first:last], doc[first:last], most)
            for low, high in by_volume(counts * most * self.stage.top)
            for first, last in [(ends[low] - counts[low], ends[high - 1])]
        ]
        return pl.concat([pl.DataFrame(schema=COLUMNS), *blocks])

    def _of(self, query: Places, doc: Places, most: int) -> pl.DataFrame:
        """The same for the pairs of a few queries and their positives."""
        rings = []
        met = pl.DataFrame({"query": query, "from": doc, "node": doc})
        for ring in range(1, self.stage.up + 1):
            met = self._step_up(met)
            found = met.with_columns(meeting="node")
            for _ in range(ring):
                found = self._step_down(found, most)
            rings.append(self._scored(found).with_columns(ring=pl.lit(ring)))
        every = (
            pl.concat(rings)
            .filter(pl.Series(self.allowed).gather(pl.concat(rings)["node"]))
            .group_by("query", "node")
            .agg(pl.col("ring").min(), pl.col("score").max())
        )
        pair = every["query"].to_numpy(), every["node"].to_numpy()
        above, below = self.taxonomy.related((query, doc), pair)
        turn = self._turns(*pair)
        return (
            every.with_columns(turn=pl.Series(turn))
            .filter(~pl.Series(above | below))
            .sort("query", "ring", "turn", "node")
            .with_columns(rank=pl.int_range(1, pl.len() + 1).over("query"), doc="node")
            .filter(pl.col("rank") <= self.stage.top)
            .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        )

    def _step_up(self, met: pl.DataFrame) -> pl.DataFrame:
        """From each node to its parents: query, from, node, each once."""
        parents = self.taxonomy.up.take(met["node"].to_numpy())
        return met[parents.owners].with_columns(node=pl.Series(parents.values)).unique()

    def _step_down(self, found: pl.DataFrame, most: int) -> pl.DataFrame:
        """From each node to some of its children, the first of each query by their turns."""
        keys = self.keys[found["query"].to_numpy()]
        which, child = self.taxonomy.children_from(found["node"].to_numpy(), keys, most)
        below = found[which].with_columns(node=pl.Series(child)).unique()
        turn = pl.Series(self._turns(below["query"].to_numpy(), below["node"].to_numpy()))
        place = pl.col("turn").rank("dense").over("query", "from", "meeting")
        return below.with_columns(turn=turn).filter(place <= most).drop("turn")

    def _turns(self, query: Places, node: Places) -> Keys:
        """uint64[n]: how far a node is from its query's key, around the circle of hashes."""
        return self.taxonomy.hashes[node] - self.keys[query]

    def _scored(self, found: pl.DataFrame) -> pl.DataFrame:
        """query, node, score: the likeness of Wu and Palmer to the positive it is kin of."""
        depth = self.taxonomy.depth
        first, second, met = (depth[found[name].to_numpy()] for name in ("from", "node", "meeting"))
        return found.select("query", "node", score=pl.Series(wu_palmer(met, first, second)))

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: what is no kin has no score."""
        return None


def wu_palmer(met: Places, first: Places, second: Places) -> Doubles:
    """float64[n] in 0 .. 1 of depths: of the node where two meet, and of the two themselves."""
    return 2 * met / (first + second)

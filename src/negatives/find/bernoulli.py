"""Corruptions shared out between heads and tails by what a relation is like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Places, Rows
from negatives.chance import id_hashes, mix, stream_key
from negatives.find.sampled import Random, SampledProposer
from negatives.find.typed import sides
from negatives.opening import Context
from negatives.sample.triples import Corruption, Graph
from negatives.schema import Collection, Needs
from negatives.stage import Source


class Bernoulli(Source, kind="bernoulli"):
    """Heads are replaced more often where a head has many tails, tails where a tail has many heads.

    Of "(France, has city, ?)" most answers that come to mind are true, of "(?, has city, Lyon)"
    none but one: so the head is replaced with the probability tph / (tph + hpt), of the mean number
    of tails of a head and of heads of a tail (TransH; Wang et al., 2014). `top` is what a query
    gets where the two are equal; else one of the two questions of a triple gets more of the
    2 x `top`, by a coin for each. Entities are drawn uniformly, and no known answer.

    >>> from negatives import Bernoulli, tiny
    >>> {query: len(docs) for query, docs in tiny.proposed(Bernoulli(top=3)).items()}
    {'pans': 5, 'planes': 3, 'wings': 3}
    """

    reads_judgements: ClassVar[bool] = True
    ranks_by_relevance: ClassVar[bool] = False
    top: Annotated[
        int, Meta(ge=1, description="candidates per query, where both sides count alike")
    ] = 100

    @property
    def needs(self) -> Needs:
        """What a question asks for."""
        return Needs(
            queries=("relation", "asks"),
            instead="bernoulli is for triples of a knowledge graph: take random",
        )

    def open(self, context: Context) -> BernoulliProposer:
        """Draw twice as many as are asked for, and toss the coins."""
        drawn = Random(name=self.label, top=2 * self.top).open(context)
        collection = context.collection
        share = asked_shares(collection)
        keys = mix(
            id_hashes(collection.queries["query_id"])
            ^ stream_key(context.seed, f"find/{self.label}/coins")
        )
        slots = np.zeros(len(keys), np.int64)
        for slot in range(2 * self.top):
            coins = mix(keys + np.uint64(slot)) >> np.uint64(11)
            slots += coins.astype(np.float64) * 2.0**-53 < share
        return BernoulliProposer(drawn, slots)

    def corruption(self, context: Context, graph: Graph, rows: Places) -> Corruption:
        """All entities alike; heads and tails as often as said above."""
        return Corruption(head_shares=graph.head_shares())


def asked_shares(collection: Collection) -> Doubles:
    """float64[queries]: of the corruptions of a relation, the share of the side that is asked."""
    side = sides(collection)
    sizes = np.bincount(collection.positives["query"].to_numpy(), minlength=len(collection.queries))
    some = sizes > 0
    total = np.bincount(side[some], sizes[some], minlength=int(side.max(initial=-1)) + 1)
    asked = np.bincount(side[some], minlength=len(total))
    mean = total / np.maximum(asked, 1)
    rows = collection.queries.select("relation", "asks").with_columns(mean=pl.Series(mean[side]))
    each = rows.unique().sort("relation", "asks")
    other = each.select("relation", asks=_other(pl.col("asks")), other="mean")
    both = rows.join(other, on=["relation", "asks"], how="left", maintain_order="left")
    # A side is asked for by the mean of the *other* question's answers: heads by tails of a head.
    theirs = both["other"].fill_null(1.0).to_numpy()
    own = np.where(mean[side] > 0, mean[side], 1.0)
    made: Doubles = theirs / (own + theirs)
    return made


def _other(asks: pl.Expr) -> pl.Expr:
    return pl.when(asks == "tail").then(pl.lit("head")).otherwise(pl.lit("tail"))


@dataclass(frozen=True, slots=True)
class BernoulliProposer:
    """Draws of every query, and how many of them it gets."""

    drawn: SampledProposer
    slots: Places

    @property
    def fingerprint(self) -> str:
        """That of the draws."""
        return self.drawn.fingerprint

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The first of the draws; log_q is that of one draw for the side that is asked for."""
        found = self.drawn.propose(queries, proposed)
        most = pl.Series(self.slots).gather(found["query"])
        return found.filter(found["rank"] <= most)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a draw has a probability, not a score."""
        return None

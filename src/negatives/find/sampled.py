"""Sampled candidates: documents drawn at random, with the log-probability of each draw.

Known positives of the query and documents without text are excluded exactly. Draws depend on
(seed, query id) only, so they are the same in every shard and on every machine.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Keys, Places, Rows
from negatives.chance import id_hashes, mix, stream_key
from negatives.opening import Context
from negatives.sample.attempts import NO_DOC
from negatives.sample.conditioned import Conditioned
from negatives.sample.distinct import draw_distinct
from negatives.sample.exclusion import Exclusion
from negatives.sample.law import Law
from negatives.sample.triples import Corruption, Graph
from negatives.schema import Collection
from negatives.search.shortlist import places
from negatives.stage import Source


class SampledSource(Source, kw_only=True):
    """A source whose candidates are draws of one law over all documents.

    A run draws `top` of them for each query, once; a trainer that draws (`Training.draws`) takes
    its law, and draws others at every step.
    """

    samples: ClassVar[bool] = True
    reads_judgements: ClassVar[bool] = True  # a known positive is never drawn
    ranks_by_relevance: ClassVar[bool] = False

    @property
    def best_of(self) -> int:
        """Draws for one negative: the one that the model scores highest is it."""
        return 1

    @abstractmethod
    def law(self, collection: Collection) -> Law | None:
        """How likely each document is to be drawn; None where there is nothing to draw."""

    def drawing(self, context: Context) -> SampledProposer:
        """Draws by its law for the queries of a collection, positives excluded."""
        law, collection = self.law(context.collection), context.collection
        conditioned = None
        if law is not None:
            # The same bits as compiled draws, without waiting for a compiler.
            positives = Exclusion.from_collection(collection)
            conditioned = Conditioned.of(law, positives, "numpy")
        hashes = id_hashes(collection.queries["query_id"])
        return SampledProposer(
            top=min(self.proposes, len(collection.corpus)),
            conditioned=conditioned,
            keys=mix(hashes ^ stream_key(context.seed, f"find/{self.label}")),
        )


class DrawnSource(SampledSource, kw_only=True):
    """A source that proposes what it draws."""

    def open(self, context: Context) -> SampledProposer:
        """Draw by its law, positives excluded."""
        return self.drawing(context)


class Random(DrawnSource, kind="random"):
    """Documents drawn uniformly: easy negatives, and the baseline every method is compared with.

    >>> from negatives import Random, tiny
    >>> tiny.proposed(Random(top=3))["wings"]
    ['plane', 'copy', 'stove']
    """

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100

    def law(self, collection: Collection) -> Law | None:
        """Every document is as likely as any other."""
        return law_of(np.ones(len(collection.corpus)), 1.0, collection)

    def corruption(self, context: Context, graph: Graph, rows: Places) -> Corruption:
        """See `Corrupts`: all entities alike, and heads as often as tails."""
        return Corruption()


class Popularity(DrawnSource, kind="popularity"):
    """Documents drawn by how often they are a positive, to a power (Mikolov et al., 2013).

    A document that is never a positive counts as one, so that it can be drawn too.

    >>> from negatives import Popularity, tiny
    >>> tiny.proposed(Popularity(top=3))["wings"]
    ['copy', 'stall', 'plane']
    >>> tiny.proposed(Popularity(top=3, power=5.0))["wings"]  # those that are positives come first
    ['pan', 'stall', 'plane']
    """

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    power: Annotated[float, Meta(ge=0, description="0: uniform; 1: in proportion to the count")] = (
        0.75
    )

    def law(self, collection: Collection) -> Law | None:
        """Count each document's positives."""
        return law_of(popularity(collection), self.power, collection)


def popularity(collection: Collection) -> Doubles:
    """float64[docs]: how many queries have each document as a positive, and one more."""
    docs = collection.positives["doc"].to_numpy()
    counts = np.bincount(docs, minlength=len(collection.corpus)) + 1
    return counts.astype(np.float64)


def law_of(weights: Doubles, power: float, collection: Collection) -> Law | None:
    """The law of `weights` ** `power`; documents without text, where identity is text, have none.

    None where no document is left.
    """
    left = weights.copy()
    left[collection.empty_docs] = 0.0
    return Law.weighted(left, power) if left.any() else None


@dataclass(frozen=True, slots=True)
class SampledProposer:
    """A distribution over documents, drawn from without replacement for each query.

    `conditioned` is None where there is nothing to draw; `keys: uint64[queries]` are random.
    """

    top: int
    conditioned: Conditioned | None
    keys: Keys
    fingerprint: str = "ids"

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """`top` distinct documents of each query in the order drawn, or all there are.

        log_q is the log-probability that a single draw, positives excluded, gives the document.
        """
        rows = queries.astype(np.int64)
        docs = np.full((len(rows), self.top), NO_DOC, np.uint32)
        log_q = np.empty(docs.shape, np.float32)
        if self.conditioned is not None:
            docs = draw_distinct(self.conditioned, self.keys[rows], rows, self.top)
            log_q = self.conditioned.log_q(rows, docs)
        drawn = docs != NO_DOC
        sizes = np.count_nonzero(drawn, axis=1)
        return pl.DataFrame(
            {
                "query": np.repeat(queries, sizes),
                "doc": docs[drawn],
                "rank": places(sizes),
                "score": pl.Series([None] * int(sizes.sum()), dtype=pl.Float32),
                "log_q": log_q[drawn],
            }
        )

    def independent(self, rows: Places, draws: int) -> Rows:
        """uint32[b, draws]: draws of each row that may repeat; `NO_DOC` where there is nothing."""
        if self.conditioned is None:
            return np.full((len(rows), draws), NO_DOC, np.uint32)
        return self.conditioned.draw(self.keys[rows], rows, draws)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a draw has a probability, not a score."""
        return None

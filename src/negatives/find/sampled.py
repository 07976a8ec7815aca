"""Sampled candidates: documents drawn at random, with the log-probability of each draw.

Known positives of the query and documents without text are excluded exactly. Draws depend on
(seed, query id) only, so they are the same in every shard and on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.arrays import Floats, Keys, Rows
from negatives.chance import id_hashes, mix, stream_key
from negatives.opening import Context
from negatives.sample.attempts import NO_DOC
from negatives.sample.conditioned import Conditioned
from negatives.sample.distinct import draw_distinct
from negatives.sample.exclusion import Exclusion
from negatives.sample.law import Law
from negatives.search.shortlist import places
from negatives.stage import Source


class Random(Source, kind="random"):
    """Documents drawn uniformly: easy negatives, and the baseline every method is compared with.

    >>> from negatives import Random, tiny
    >>> tiny.proposed(Random(top=3))["wings"]
    ['plane', 'copy', 'stove']
    """

    reads_judgements: ClassVar[bool] = True  # a known positive is never drawn
    ranks_by_relevance: ClassVar[bool] = False
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100

    def open(self, context: Context) -> SampledProposer:
        """Every document is as likely as any other."""
        weights = np.ones(len(context.collection.corpus), np.float64)
        return _open(self.label, self.top, context, weights, power=1.0)


class Popularity(Source, kind="popularity"):
    """Documents drawn by how often they are a positive, to a power (Mikolov et al., 2013).

    A document that is never a positive counts as one, so that it can be drawn too.

    >>> from negatives import Popularity, tiny
    >>> tiny.proposed(Popularity(top=3))["wings"]
    ['copy', 'stall', 'plane']
    >>> tiny.proposed(Popularity(top=3, power=5.0))["wings"]  # those that are positives come first
    ['pan', 'stall', 'plane']
    """

    reads_judgements: ClassVar[bool] = True  # a known positive is never drawn
    ranks_by_relevance: ClassVar[bool] = False
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    power: Annotated[float, Meta(ge=0, description="0: uniform; 1: in proportion to the count")] = (
        0.75
    )

    def open(self, context: Context) -> SampledProposer:
        """Count each document's positives."""
        docs = context.collection.positives["doc"].to_numpy()
        counts = np.bincount(docs, minlength=len(context.collection.corpus)) + 1
        return _open(self.label, self.top, context, counts.astype(np.float64), self.power)


def _open(
    label: str, top: int, context: Context, weights: NDArray[np.float64], power: float
) -> SampledProposer:
    collection = context.collection
    weights[collection.empty_docs] = 0.0
    conditioned = None
    if weights.any():
        positives = Exclusion.from_collection(collection)
        # The same bits as compiled draws, without waiting for a compiler.
        conditioned = Conditioned.of(Law.weighted(weights, power), positives, "numpy")
    hashes = id_hashes(collection.queries["query_id"])
    return SampledProposer(
        top=min(top, len(weights)),
        conditioned=conditioned,
        keys=mix(hashes ^ stream_key(context.seed, f"find/{label}")),
    )


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

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a draw has a probability, not a score."""
        return None

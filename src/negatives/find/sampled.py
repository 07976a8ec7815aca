"""Sampled candidates: documents drawn at random, with the log-probability of each draw.

Known positives of the query and documents without text are excluded exactly. Draws depend on
(seed, query id) only, so they are the same in every shard and on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.chance import Hashes, id_hashes, mix, stream_key, uniforms
from negatives.find.candidates import places
from negatives.schema import Floats, Rows
from negatives.stage import Context, Source

_ROUNDS = 64
_LITTLE = 1e-6


class Random(Source, kind="random"):
    """Documents drawn uniformly: easy negatives, and the baseline every method is compared with."""

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100

    def open(self, context: Context) -> SampledProposer:
        """Every document is as likely as any other."""
        return _open(self.label, self.top, context, np.ones(len(context.collection.corpus)))


class Popularity(Source, kind="popularity"):
    """Documents drawn by how often they are a positive, to a power (Mikolov et al., 2013).

    A document that is never a positive counts as one, so that it can be drawn too.
    """

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    power: Annotated[float, Meta(ge=0, description="0: uniform; 1: in proportion to the count")] = (
        0.75
    )

    def open(self, context: Context) -> SampledProposer:
        """Count each document's positives."""
        docs = context.collection.positives["doc"].to_numpy()
        logs = np.log(np.bincount(docs, minlength=len(context.collection.corpus)) + 1.0)
        return _open(self.label, self.top, context, np.exp(self.power * (logs - logs.max())))


def _open(label: str, top: int, context: Context, weights: NDArray[np.float64]) -> SampledProposer:
    weights[context.collection.empty_docs] = 0.0
    return SampledProposer(
        top=top,
        weights=weights / weights.sum() if weights.any() else weights,
        positives=context.collection.positives,
        query_hashes=id_hashes(context.collection.queries["query_id"]),
        key=stream_key(context.seed, f"find/{label}"),
    )


@dataclass(frozen=True, slots=True)
class SampledProposer:
    """A distribution over documents, drawn from without replacement for each query."""

    top: int
    weights: NDArray[np.float64]
    positives: pl.DataFrame
    query_hashes: Hashes
    key: np.uint64
    fingerprint: str = "ids"

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """`top` distinct documents of each query in the order drawn, or all there are.

        log_q is the log-probability that a single draw, positives excluded, gives the document.
        """
        known = self.positives.filter(pl.col("query").is_in(queries))
        pairs = self._draw(queries, known)
        sizes = np.bincount(
            np.searchsorted(queries, pairs["query"].to_numpy()), minlength=len(queries)
        )
        mass = np.repeat(self._mass(queries, known), sizes)
        log_q = np.log(self.weights[pairs["doc"].to_numpy()] / mass)
        return pairs.with_columns(
            rank=pl.Series(places(sizes), dtype=pl.Int32),
            score=pl.lit(None, pl.Float32),
            log_q=pl.Series(log_q, dtype=pl.Float32),
        )

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a draw has a probability, not a score."""
        return None

    def _mass(self, queries: Rows, known: pl.DataFrame) -> NDArray[np.float64]:
        """float64[q]: total weight of the documents that each query may draw."""
        excluded = np.bincount(
            np.searchsorted(queries, known["query"].to_numpy()),
            weights=self.weights[known["doc"].to_numpy()],
            minlength=len(queries),
        )
        mass = np.subtract(1.0, excluded, dtype=np.float64)
        for place in np.flatnonzero(mass < _LITTLE):  # cancelled: add up what is left instead
            left = self.weights.copy()
            left[_docs_of(known, queries[place])] = 0.0
            mass[place] = left.sum()
        return mass

    def _draw(self, queries: Rows, known: pl.DataFrame) -> pl.DataFrame:
        """Distinct draws, in order: repeated rounds of independent draws, until all have `top`.

        Drawing again what was drawn before is the same as drawing without replacement one at a
        time. What rounds cannot reach (tiny corpora, extreme weights) is drawn query by query.
        """
        cumulative = np.cumsum(self.weights)
        last = np.flatnonzero(self.weights)[-1] if self.weights.any() else -1
        wanted = min(self.top, int((self.weights > 0).sum()))
        found = pl.DataFrame(schema={"query": pl.UInt32, "doc": pl.UInt32})
        short = queries
        for turn in range(_ROUNDS):
            if len(short) == 0 or last < 0:
                break
            each = wanted + wanted // 4 + 4
            owner = np.repeat(short, each)
            ticket = np.tile(np.arange(turn * each, (turn + 1) * each, dtype=np.uint64), len(short))
            hashes = mix(self.query_hashes[owner] ^ mix(ticket))
            drawn = np.searchsorted(
                cumulative, uniforms(hashes, self.key) * cumulative[-1], "right"
            )
            fresh = pl.DataFrame(
                {"query": owner, "doc": np.minimum(drawn, last).astype(np.uint32)}
            ).join(known, on=["query", "doc"], how="anti", maintain_order="left")
            found = _first(pl.concat([found, fresh]), wanted)
            short = self._short(queries, known, found, wanted)
        if len(short) and last >= 0:
            rest = [self._rest(query, known, wanted) for query in short]
            found = _first(pl.concat([found, *rest]), wanted)
        return found.sort("query", maintain_order=True)

    def _rest(self, query: np.uint32, known: pl.DataFrame, wanted: int) -> pl.DataFrame:
        """Draws of one query without replacement, in order: Gumbel top-k over all documents."""
        ticket = np.arange(len(self.weights), dtype=np.uint64) + np.uint64(_ROUNDS << 32)
        chance = uniforms(mix(self.query_hashes[query] ^ mix(ticket)), self.key)
        with np.errstate(divide="ignore"):
            keys = np.log(self.weights) - np.log(-np.log(chance))
        keys[_docs_of(known, query)] = -np.inf
        order = np.argsort(-keys, kind="stable")[:wanted]
        docs = order[keys[order] > -np.inf].astype(np.uint32)
        return pl.DataFrame({"query": np.full(len(docs), query, np.uint32), "doc": docs})

    def _short(self, queries: Rows, known: pl.DataFrame, found: pl.DataFrame, wanted: int) -> Rows:
        """Queries that can still get more: fewer than wanted, and than there are to draw."""
        slots = len(queries)
        have = np.bincount(np.searchsorted(queries, found["query"].to_numpy()), minlength=slots)
        drawable = known.filter(pl.Series(self.weights[known["doc"].to_numpy()] > 0))
        taken = np.bincount(np.searchsorted(queries, drawable["query"].to_numpy()), minlength=slots)
        most = np.minimum(wanted, int((self.weights > 0).sum()) - taken)
        return queries[have < most]


def _docs_of(pairs: pl.DataFrame, query: np.uint32) -> Rows:
    docs: Rows = pairs.filter(pl.col("query") == int(query))["doc"].to_numpy()
    return docs


def _first(pairs: pl.DataFrame, count: int) -> pl.DataFrame:
    """The first `count` distinct pairs of each query, in order."""
    distinct = pairs.unique(["query", "doc"], keep="first", maintain_order=True)
    return distinct.filter(pl.int_range(pl.len()).over("query") < count)

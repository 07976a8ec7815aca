"""Candidates drawn from lists of documents, mixed with draws from all of them.

A query has some lists, each with a weight: the types that its relation asks for, the clusters of
its positives. A draw takes one of the lists, with the probability `mix`, and one of its documents
at random; or else one of all documents. Known positives are excluded exactly from both. Documents
are drawn without replacement: as in a race in which each document comes at a time that has an
exponential law, its rate the probability of one draw, and the first `top` to come are taken
(Efraimidis and Spirakis, 2006). Races run side by side, so that of all the documents that are in no
list, only the first `top` have to be looked at.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Keys, Places, Ragged, Rows, by_volume
from negatives.chance import id_hashes, mix, stream_key
from negatives.events import Noted, Warned
from negatives.opening import Context
from negatives.sample.attempts import NO_DOC
from negatives.sample.conditioned import Conditioned
from negatives.sample.distinct import draw_distinct
from negatives.sample.exclusion import Exclusion
from negatives.sample.law import Law
from negatives.sample.triples import Corruption, Graph, Pools
from negatives.schema import Collection
from negatives.stage import Source

Mix = Annotated[
    float,
    Meta(ge=0, le=1, description="share of the draws that are from the lists; the rest from all"),
]
_BLOCK: Final = 1 << 21
_DRAWN: Final = {
    "query": pl.UInt32,
    "doc": pl.UInt32,
    "rank": pl.Int32,
    "score": pl.Float32,
    "log_q": pl.Float32,
}


@dataclass(frozen=True)
class Lists:
    """Lists of documents, ascending, and which of them a query has: query, list, weight.

    `lists_of` is sorted by query and list, and has each pair once.
    """

    docs: Ragged[np.uint32]
    lists_of: pl.DataFrame

    @staticmethod
    def of(docs: Ragged[np.uint32], query: Places, which: Places) -> Lists:
        """The lists `which[i]` of `query[i]`; the weight is how often the pair comes."""
        pairs = pl.DataFrame({"query": query, "list": which})
        counted = pairs.group_by("query", "list").len("weight").sort("query", "list")
        return Lists(docs, counted)


def warn_of_hardness_alone(label: str, context: Context) -> None:
    """Told where nothing easy is left among the negatives."""
    context.emit(
        Warned(
            f"{label}: every candidate is a hard one (mix = 1), which alone makes models worse: "
            f"they never see most of what is false; find.{label}.mix = 0.2 keeps easy ones"
        )
    )


class Pooled(Source, kw_only=True):
    """A source that draws from lists, mixed with draws from all documents."""

    reads_judgements: ClassVar[bool] = True  # a known positive is never drawn
    ranks_by_relevance: ClassVar[bool] = False

    @property
    def widened(self) -> str:
        """Lists alone have an end, which no `top` moves."""
        alone = getattr(self, "mix", 0.0) == 1
        return f"lower `mix` of {self.label} below 1" if alone else ""

    @abstractmethod
    def lists(self, context: Context) -> tuple[Lists, str]:
        """The lists, and what names all that they follow from besides the data."""

    def open(self, context: Context) -> PooledProposer:
        """Make the lists; say how many queries have nothing to be drawn from them."""
        collection, share = context.collection, float(getattr(self, "mix", 1.0))
        found, fingerprint = self.lists(context)
        if share == 1:
            warn_of_hardness_alone(self.label, context)
        positives = Exclusion.from_collection(collection)
        weights = np.ones(len(collection.corpus))
        weights[collection.empty_docs] = 0
        every = None
        if weights.any():
            law = Law.uniform(len(weights)) if weights.all() else Law.weighted(weights)
            every = Conditioned.of(law, positives, "numpy")
        proposer = PooledProposer(
            top=self.proposes,
            mix=share,
            collection=collection,
            found=found,
            positives=positives,
            every=every,
            keys=mix(
                id_hashes(collection.queries["query_id"])
                ^ stream_key(context.seed, f"find/{self.label}")
            ),
            doc_hashes=id_hashes(collection.corpus["doc_id"]),
            fingerprint=fingerprint,
        )
        self._tell(context, proposer)
        return proposer

    def corruption(self, context: Context, graph: Graph, rows: Places) -> Corruption:
        """See `Corrupts`."""
        share = float(getattr(self, "mix", 1.0))
        if share == 1:
            warn_of_hardness_alone(self.label, context)
        return Corruption(self.pools(context, graph, rows), share)

    @abstractmethod
    def pools(self, context: Context, graph: Graph, rows: Places) -> Pools:
        """The lists, for triples that are corrupted."""

    def _tell(self, context: Context, proposer: PooledProposer) -> None:
        mined = context.collection.mined_queries
        empty = len(mined) - proposer.with_something(mined)
        sizes = proposer.found.docs.lengths
        figures = {
            "lists": int((sizes > 0).sum()),
            "documents of a list, median": float(np.median(sizes[sizes > 0])) if sizes.any() else 0,
            "queries with nothing in their lists": empty,
        }
        context.emit(Noted(f"lists {self.label}", figures))
        if empty and proposer.mix == 1:
            context.emit(
                Warned(
                    f"{self.label}: the lists of {empty:,} of {len(mined):,} queries have nothing "
                    "but positives, so nothing is proposed for these"
                )
            )


@dataclass(frozen=True, slots=True)
class PooledProposer:
    """The races of every query. `every` is None where there is nothing to draw."""

    top: int
    mix: float
    collection: Collection
    found: Lists
    positives: Exclusion
    every: Conditioned | None
    keys: Keys
    doc_hashes: Keys
    fingerprint: str

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The first `top` of each query's races; log_q is that of a single draw."""
        asked = pl.DataFrame({"query": queries.astype(np.int64)})
        mine = asked.join(self.found.lists_of, on="query", how="left", maintain_order="left")
        sizes = self.found.docs.lengths
        volume = (
            mine.with_columns(
                size=pl.Series(sizes).gather(mine["list"].fill_null(0)).fill_null(0)
                if len(sizes)
                else pl.lit(0)
            )
            .group_by("query", maintain_order=True)
            .agg(pl.col("size").sum())["size"]
            .to_numpy()
        )
        made = [pl.DataFrame(schema=_DRAWN)]
        for first, last in by_volume(volume + self.top, _BLOCK):
            made.append(self._of(queries[first:last].astype(np.int64)))
        return pl.concat(made)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a draw has a probability, not a score."""
        return None

    def with_something(self, queries: Rows) -> int:
        """How many of the queries have a document in their lists that is no positive."""
        sizes = self.found.docs.lengths
        mine = self._lists_of(queries.astype(np.int64))
        volume = sizes[mine["list"].to_numpy()]
        query = mine["query"].to_numpy()
        some = set[int]()
        for first, last in by_volume(volume, _BLOCK):
            entered = self._listed(mine[first:last])
            some.update(
                np.unique(query[first:last][np.unique(entered["case"].to_numpy())]).tolist()
            )
        return len(some)

    def _lists_of(self, queries: Places) -> pl.DataFrame:
        asked = pl.DataFrame({"query": queries})
        return asked.join(self.found.lists_of, on="query", how="inner", maintain_order="left")

    def _listed(self, mine: pl.DataFrame) -> pl.DataFrame:
        """case, query, doc of every document in some lists of queries that is no positive."""
        lists = self.found.docs.take(mine["list"].to_numpy())
        case = lists.owners
        query = mine["query"].to_numpy()[case]
        free = ~self.positives.has(query, lists.values)
        if self.every is not None and not self.every.law.is_uniform:
            free &= self.every.law.tickets[lists.values] > 0
        return pl.DataFrame({"case": case[free], "query": query[free], "doc": lists.values[free]})

    def _of(self, queries: Places) -> pl.DataFrame:
        """The candidates of a few queries."""
        mine = self._lists_of(queries)
        entered = self._densities(mine, self._listed(mine))
        share = pl.lit(self.mix)
        some = entered["query"].unique().implode()
        shares = pl.DataFrame({"query": queries}).with_columns(
            share=pl.when(pl.col("query").is_in(some)).then(share).otherwise(0.0)
        )
        rate = entered.join(shares, on="query", how="left", maintain_order="left")
        rate = rate.select("query", "doc", rate=pl.col("density") * pl.col("share"))
        listed = rate.filter(pl.col("rate") > 0)
        times = -np.log(self._chances(listed)) / listed["rate"].to_numpy()
        races = [listed.select("query", "doc").with_columns(time=pl.Series(times))]
        if self.mix < 1 and self.every is not None:
            races.append(self._uniform(queries, shares["share"].to_numpy()))
        first = (
            pl.concat(races)
            .group_by("query", "doc")
            .agg(pl.col("time").min())
            .sort("query", "time", "doc")
            .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query"))
            .filter(pl.col("rank") <= self.top)
        )
        left = np.log(self._left(first["query"].to_numpy()))
        drawn = (
            first.join(rate, on=["query", "doc"], how="left", maintain_order="left")
            .join(shares, on="query", how="left", maintain_order="left")
            .with_columns(every=pl.Series(np.exp(-left)))
            .with_columns(
                every=pl.when(pl.lit(self.mix) < 1).then((1 - pl.col("share")) * pl.col("every"))
                .otherwise(0.0)
            )
        )  # fmt: skip
        return drawn.select(
            pl.col("query").cast(pl.UInt32),
            pl.col("doc").cast(pl.UInt32),
            "rank",
            pl.lit(None, pl.Float32).alias("score"),
            (pl.col("rate").fill_null(0.0) + pl.col("every")).log().cast(pl.Float32).alias("log_q"),
        )

    def _densities(self, mine: pl.DataFrame, entered: pl.DataFrame) -> pl.DataFrame:
        """query, doc, density: the probability that one draw from the query's lists gives it.

        A list of nothing but positives is never taken.
        """
        left = entered.group_by("case").len("left")
        cases = (
            mine.with_row_index("case")
            .with_columns(pl.col("case").cast(pl.Int64))
            .join(left, on="case", how="inner", maintain_order="left")
            .with_columns(share=pl.col("weight") / pl.col("weight").sum().over("query"))
            .select("case", density=pl.col("share") / pl.col("left"))
        )
        return (
            entered.join(cases, on="case", how="inner", maintain_order="left")
            .group_by("query", "doc", maintain_order=True)
            .agg(pl.col("density").sum())
        )

    def _chances(self, pairs: pl.DataFrame) -> Doubles:
        """float64[n] in (0, 1): the draw of each pair of the lists' race."""
        query, doc = pairs["query"].to_numpy(), pairs["doc"].to_numpy()
        bits = mix(mix(self.keys[query]) ^ self.doc_hashes[doc]) >> np.uint64(12)
        return (bits.astype(np.float64) + 0.5) * 2.0**-52

    def _uniform(self, queries: Places, shares: Doubles) -> pl.DataFrame:
        """query, doc, time of the first `top` documents of the race of all documents.

        Of n documents with one rate the first comes after a time with the law of the least of n,
        the next after one with that of the least of n - 1, and so on, whichever they are.
        """
        assert self.every is not None
        top = min(self.top, self.every.law.docs)
        docs = draw_distinct(self.every, self.keys[queries], queries, top)
        left = self._left(queries)
        slots = np.arange(top)
        marks = mix(self.keys[queries][:, None] + slots.astype(np.uint64) * _GAPS)
        gaps = -np.log(((marks >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)
        rates = (1 - shares[:, None]) / left[:, None] * np.maximum(left[:, None] - slots, 1)
        times = np.cumsum(gaps / rates, axis=1)
        there = docs != NO_DOC
        owner = np.repeat(queries, np.count_nonzero(there, axis=1))
        return pl.DataFrame({"query": owner, "doc": docs[there], "time": times[there]})

    def _left(self, queries: Places) -> Doubles:
        """float64[n]: documents that are no positive of each query, 1 at least."""
        drawable = self.every.drawable[queries] if self.every is not None else queries * 0
        return np.maximum(drawable, 1).astype(np.float64)


_GAPS: Final = np.uint64(0xD1B54A32D192ED03)

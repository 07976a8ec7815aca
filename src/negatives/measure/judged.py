"""A ranking seen through judgements: where the judged documents of each query came."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from negatives.arrays import Places
from negatives.measure.propensity import LabelCounts


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """All that a metric has to know of a ranking of q queries; what is unjudged is only counted.

    `retrieved`: int64[q], how many documents each query got. `query`, `rank`, `relevance`:
    int64[n], the judged documents among them, by query (0 .. q - 1) and rank (from 1).
    `known_query`, `known_relevance`: int64[m], all judgements, by query and best first. Relevance
    below 0 is no judgement: the document was pooled, and nobody has looked at it (trec_eval).
    `documents`: how many there are to find, ranked or not; 0: no more than were retrieved.
    `counts`, where they are known: int64[n] and int64[m], how many training queries have each of
    these documents as a positive, of so many `trained` queries.
    """

    queries: pl.Series
    retrieved: Places
    query: Places
    rank: Places
    relevance: Places
    known_query: Places
    known_relevance: Places
    documents: int = 0
    counts: tuple[Places, Places] | None = None
    trained: int = 0

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def place(self) -> Places:
        """int64[n]: place of each judged document among the judged ones of its query, from 1."""
        return places(self.query)


def places(query: Places) -> Places:
    """int64[n]: the how-manieth of its query each row is, from 1; rows of a query are together."""
    return np.arange(len(query)) - np.searchsorted(query, query) + 1


def judge_ranking(
    ranking: pl.DataFrame,
    qrels: pl.DataFrame,
    queries: pl.Series,
    *,
    documents: int = 0,
    counts: LabelCounts | None = None,
) -> JudgedPairs:
    """`ranking` (query_id, doc_id, rank) by `qrels` (query_id, doc_id, relevance) for `queries`.

    Queries that the ranking lacks count, as having retrieved nothing; others in it do not.
    `documents` and `counts`: see `JudgedPairs`.
    """
    rows = pl.DataFrame({"query_id": queries}).with_row_index("query")
    known = (
        qrels.join(rows, on="query_id")
        .filter(pl.col("relevance") >= 0)
        .with_columns(pl.col("relevance").cast(pl.Int64))
        .sort("query", "relevance", descending=[False, True])
    )
    ranked = ranking.select("query_id", "doc_id", "rank").join(rows, on="query_id")
    hits = ranked.join(known.select("query", "doc_id", "relevance"), on=["query", "doc_id"]).sort(
        "query", "rank"
    )
    return JudgedPairs(
        queries=queries,
        retrieved=np.bincount(ranked["query"].to_numpy(), minlength=len(queries)).astype(np.int64),
        query=_ints(hits["query"]),
        rank=_ints(hits["rank"]),
        relevance=_ints(hits["relevance"]),
        known_query=_ints(known["query"]),
        known_relevance=_ints(known["relevance"]),
        documents=documents,
        counts=None if counts is None else (counts.of(hits["doc_id"]), counts.of(known["doc_id"])),
        trained=0 if counts is None else counts.queries,
    )


def condensed(judged: JudgedPairs) -> JudgedPairs:
    """The same lists without what is unjudged (Sakai, SIGIR 2007).

    A metric of a condensed list does not punish a model for finding what nobody had looked at; it
    is kind to it instead, for a list full of unjudged rubbish condenses to its few good finds.
    """
    counts = np.bincount(judged.query, minlength=len(judged)).astype(np.int64)
    return replace(judged, rank=judged.place, retrieved=counts, documents=0)


def perfect(judged: JudgedPairs, top: int | None = None) -> JudgedPairs:
    """The best order of what was retrieved (of its `top` first): as a perfect reranker puts it.

    Any metric of it is the ceiling for whoever reranks these lists. What is below `top` stays.
    """
    beyond = judged.rank > top if top else np.zeros(len(judged.rank), bool)
    # Of equally relevant ones the rarest label first, which counts most where rarity counts at all.
    rare = judged.counts[0] if judged.counts else np.zeros(len(beyond), np.int64)
    order = np.lexsort(
        (judged.rank * beyond, rare * ~beyond, -judged.relevance * ~beyond, beyond, judged.query)
    )
    moved = ~beyond[order]
    query = judged.query[order]
    # What is judged and not relevant comes before what is unjudged, which no metric minds.
    rank = np.where(moved, places(query), judged.rank[order])
    counts = (judged.counts[0][order], judged.counts[1]) if judged.counts else None
    relevance = judged.relevance[order]
    return replace(judged, query=query, rank=rank, relevance=relevance, counts=counts)


def _ints(column: pl.Series) -> Places:
    return column.cast(pl.Int64).to_numpy()

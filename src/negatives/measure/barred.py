"""Documents that a query may not be answered with, whatever their score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Places, Ragged, Rows
from negatives.schema import Collection
from negatives.search.excluded import NOTHING, Excluded

Bar = Callable[[Rows], Excluded]
"""From rows of queries to pairs: the place of a query among those rows, the row of a document."""


def nobody(queries: Rows) -> Excluded:
    """Every document may be found."""
    return NOTHING


def any_of(bars: Sequence[Bar]) -> Bar:
    """What at least one of `bars` forbids."""
    if not bars:
        return nobody
    if len(bars) == 1:
        return bars[0]

    def together(queries: Rows) -> Excluded:
        found = [bar(queries) for bar in bars]
        query = np.concatenate([each.query for each in found]).astype(np.uint64)
        doc = np.concatenate([each.doc for each in found])
        pairs = np.unique(query << np.uint64(32) | doc)
        return Excluded((pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32))

    return together


@dataclass(frozen=True, slots=True)
class SameId:
    """A query's own document: one of the same id, where queries are taken from the corpus."""

    own: Places
    """int64[queries]: the row of the document; -1 where there is none."""

    @staticmethod
    def of(collection: Collection) -> SameId:
        """By the ids of a collection."""
        docs = collection.corpus.select("doc_id").with_row_index("doc")
        rows = collection.queries.join(
            docs, left_on="query_id", right_on="doc_id", how="left", maintain_order="left"
        )
        return SameId(rows["doc"].cast(pl.Int64).fill_null(-1).to_numpy())

    def __call__(self, queries: Rows) -> Excluded:
        """See `Bar`."""
        own = self.own[queries]
        there = np.flatnonzero(own >= 0)
        return Excluded(there.astype(np.uint32), own[there].astype(np.uint32))


@dataclass(frozen=True, slots=True)
class SameText:
    """Documents of the query's own text, unless they are judged relevant to it."""

    copies: Ragged[np.uint32]
    """For each query the rows of such documents."""

    @staticmethod
    def of(collection: Collection) -> SameText:
        """By the keys of a collection's texts."""
        keys = {side: pl.Series(collection.keys(side)) for side in ("queries", "docs")}
        queries = keys["queries"].to_frame("key").with_row_index("query")
        docs = keys["docs"].to_frame("key").with_row_index("doc")
        docs = docs.filter(~pl.col("doc").is_in(collection.empty_docs))
        pairs = queries.join(docs, on="key").join(
            collection.positives, on=["query", "doc"], how="anti"
        )
        owners, found = pairs.sort("query", "doc").select("query", "doc")
        return SameText(Ragged.of_owners(owners.to_numpy(), found.to_numpy(), len(queries)))

    def __call__(self, queries: Rows) -> Excluded:
        """See `Bar`."""
        found = self.copies.take(queries)
        return Excluded(found.owners.astype(np.uint32), found.values)


@dataclass(frozen=True, slots=True)
class NotOlder:
    """Documents that are not older than the query. float64[queries], float64[docs]: times."""

    query_times: Doubles
    doc_times: Doubles

    def __call__(self, queries: Rows) -> Excluded:
        """See `Bar`."""
        query, doc = np.nonzero(self.doc_times >= self.query_times[queries][:, None])
        return Excluded(query.astype(np.uint32), doc.astype(np.uint32))


def as_lists(excluded: Excluded, queries: int) -> Ragged[np.uint32]:
    """The same pairs as ascending rows of documents for each of so many queries."""
    order = np.lexsort((excluded.doc, excluded.query))
    return Ragged.of_owners(excluded.query[order], excluded.doc[order], queries)


def as_pairs(excluded: Excluded, queries: Rows, collection: Collection) -> pl.DataFrame:
    """The same pairs as ids: query_id, doc_id."""
    rows = pl.DataFrame({"query": queries[excluded.query], "doc": excluded.doc})
    return collection.ids_of(rows)

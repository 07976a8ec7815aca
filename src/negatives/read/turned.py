"""A collection turned round: its documents ask, and its queries are found."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from negatives.schema import GIVEN, QRELS, TIMES, Collection, Columns


def turned(collection: Collection) -> Collection:
    """Queries become documents, and documents queries, with all that is said of both.

    >>> from negatives import tiny
    >>> from negatives.read.turned import turned
    >>> before = tiny.collection()
    >>> after = turned(before)
    >>> len(before.queries) == len(after.corpus), turned(after).qrels.equals(before.qrels)
    (True, True)
    """
    return replace(
        collection,
        corpus=_renamed(collection.queries, "query_id", "doc_id"),
        queries=_renamed(collection.corpus, "doc_id", "query_id"),
        qrels=_pairs(collection.qrels, QRELS),
        given=_pairs(collection.given, GIVEN),
        times=_pairs(collection.times, TIMES),
    )


def _renamed(side: pl.DataFrame, before: str, after: str) -> pl.DataFrame:
    return side.rename({before: after})


def _pairs(pairs: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    both = pairs.rename({"query_id": "doc_id", "doc_id": "query_id"})
    return both.select(list(columns)).sort("query_id", "doc_id")

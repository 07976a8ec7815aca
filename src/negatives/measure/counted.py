"""How many documents of a ranking are of some sort, query by query."""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.arrays import Doubles
from negatives.schema import PAIR, Collection
from negatives.text.keys import normalised_keys

_TYPE: Final = "type"
FIRST_RANKS: Final = 10
"""Documents of each query among which copies of it are looked for."""


def counted(rows: pl.DataFrame, queries: pl.Series) -> Doubles:
    """float64[queries]: how many of the rows are of each."""
    counts = rows.group_by("query_id").len()
    found = queries.to_frame("query_id").join(
        counts, on="query_id", how="left", maintain_order="left"
    )
    return found["len"].fill_null(0).cast(pl.Float64).to_numpy()


def first_of_another_type(ranking: pl.DataFrame, collection: Collection) -> pl.DataFrame:
    """Rows whose document is the first of its query and of another type than the query asks for.

    None where documents or queries have no field `type`, or one has none.
    """
    if not (collection.has("docs", _TYPE) and collection.has("queries", _TYPE)):
        return ranking.clear()
    docs = collection.corpus.select("doc_id", pl.col(_TYPE).cast(pl.String).alias("is"))
    queries = collection.queries.select("query_id", pl.col(_TYPE).cast(pl.String).alias("wanted"))
    first = ranking.filter(pl.col("rank") == 1)
    return (
        first.join(docs, on="doc_id")
        .join(queries, on="query_id")
        .filter(pl.col("is") != pl.col("wanted"))
    )


def copies_of_queries(
    ranking: pl.DataFrame, collection: Collection, own: pl.DataFrame
) -> pl.DataFrame:
    """Rows whose document, one of the first of its query, has the query's own text.

    Neither its own document (`own`: query_id, doc_id), nor one that is judged relevant. Texts are
    compared as `keys` of a collection are; those of the first documents alone, for copies rank
    there, and a corpus may be large.
    """
    if collection.identity != "text" or not collection.has("docs", "text"):
        return ranking.clear()
    positive = collection.qrels.filter(pl.col("relevance") > 0)
    first = (
        ranking.filter(pl.col("rank") <= FIRST_RANKS)
        .join(own, on=PAIR, how="anti")
        .join(positive, on=PAIR, how="anti")
        .join(collection.corpus.select("doc_id", doc="text"), on="doc_id")
        .join(collection.queries.select("query_id", query="text"), on="query_id")
        .filter(pl.col("query").str.strip_chars() != "")  # of judgements alone nothing is known
    )
    same = normalised_keys(first["doc"]) == normalised_keys(first["query"])
    return first.filter(pl.Series(same, dtype=pl.Boolean))


def positives_lost(collection: Collection, queries: pl.Series) -> int:
    """How many positives of these queries are documents that the corpus lacks."""
    positive = collection.qrels.filter(pl.col("relevance") > 0)
    here = positive.filter(pl.col("query_id").is_in(queries.implode()))
    return len(here.join(collection.corpus, on="doc_id", how="anti"))

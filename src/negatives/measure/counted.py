"""How many documents of a ranking are of some sort, query by query."""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.arrays import Doubles
from negatives.schema import Collection

_TYPE: Final = "type"


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


def positives_lost(collection: Collection, queries: pl.Series) -> int:
    """How many positives of these queries are documents that the corpus lacks."""
    positive = collection.qrels.filter(pl.col("relevance") > 0)
    here = positive.filter(pl.col("query_id").is_in(queries.implode()))
    return len(here.join(collection.corpus, on="doc_id", how="anti"))

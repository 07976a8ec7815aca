"""Ways to part the queries, to see where a model is good: each a frame of query_id and group."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Places
from negatives.errors import InputError
from negatives.schema import Collection
from negatives.store.run import Run

PARTS: Final = 4

Groupings = dict[str, pl.DataFrame]


def groupings(
    collection: Collection, run: Run | None = None, counts: Places | None = None
) -> Groupings:
    """By length, number of positives and type of the query, and by where its negatives are from.

    Where documents go by their ids, by how popular the query's positives are, too; `counts:
    int64[docs]`: how many queries have each document in the other splits. Groups are named in the
    order in which they should be shown.
    """
    words, typed = (collection.has("queries", name) for name in ("text", "type"))
    found = {
        **({"words of the query": by_length(collection)} if words else {}),
        "positives of the query": by_positives(collection),
        **({"type of the query": by_type(collection)} if typed else {}),
    }
    if collection.identity == "id":
        found["popularity of its positives"] = by_popularity(collection, counts)
    if run is not None:
        found["main source of its negatives"] = by_source(collection, run)
    return found


def by_length(collection: Collection) -> pl.DataFrame:
    """Quartiles of the number of words; queries of one length are never parted."""
    rows = collection.queries[collection.mined_queries]
    words = rows["text"].str.count_matches(r"\S+")
    return pl.DataFrame({"query_id": rows["query_id"], "group": banded(words)})


def by_positives(collection: Collection) -> pl.DataFrame:
    """Quartiles of the number of positives; queries of as many are never parted."""
    counts = collection.positives.group_by("query").agg(count=pl.len()).sort("query")
    ids = collection.queries["query_id"].gather(counts["query"])
    return pl.DataFrame({"query_id": ids, "group": banded(counts["count"])})


def by_popularity(collection: Collection, counts: Places | None = None) -> pl.DataFrame:
    """Quartiles of the median popularity of each query's positives, the least popular first.

    Popularity is how many queries have a document as a positive: by `counts` where another split
    has any, such as that of training, else in the collection itself.
    """
    pairs = collection.positives
    if counts is None or not counts.any():
        counts = np.bincount(pairs["doc"].to_numpy(), minlength=len(collection.corpus))
    theirs = pairs.with_columns(count=pl.Series(counts[pairs["doc"].to_numpy()]))
    middle = (
        theirs.group_by("query")
        .agg(pl.col("count").quantile(0.5, interpolation="lower").cast(pl.Int64))
        .sort("query")
    )
    ids = collection.queries["query_id"].gather(middle["query"])
    return pl.DataFrame({"query_id": ids, "group": banded(middle["count"])})


def by_type(collection: Collection) -> pl.DataFrame:
    """The type that the query asks for, where it says so."""
    rows = collection.queries[collection.mined_queries].drop_nulls("type")
    return rows.select("query_id", group=pl.col("type").cast(pl.String))


def by_source(collection: Collection, run: Run) -> pl.DataFrame:
    """The source that most of a query's negatives came from; of equal ones the first by name."""
    ids = collection.queries["query_id"].gather(collection.mined_queries)
    negatives = run.negatives.filter(pl.col("query_id").is_in(ids.implode()))
    if negatives.is_empty():
        raise InputError(
            "the run has negatives for none of the queries evaluated",
            where=str(run.path),
            fix="evaluate on the collection and split that it was mined from",
        )
    counts = (
        negatives.select("query_id", pl.col("sources").list.drop_nulls())
        .explode("sources")
        .group_by("query_id", "sources")
        .agg(count=pl.len())
    )
    most = counts.sort("query_id", "count", "sources", descending=[False, True, False])
    return most.unique("query_id", keep="first", maintain_order=True).select(
        "query_id", group=pl.col("sources").fill_null("generated")
    )


def banded(values: pl.Series) -> pl.Series:
    """Names of up to four bands with about as many of the values in each: "3 to 7", "12"."""
    numbers = values.to_numpy()
    cuts = np.unique(np.quantile(numbers, np.arange(1, PARTS) / PARTS, method="lower"))
    band = np.searchsorted(cuts, numbers, side="left")
    width = len(str(int(numbers.max())))
    names = {}
    for each in np.unique(band).tolist():
        low, high = int(numbers[band == each].min()), int(numbers[band == each].max())
        names[each] = f"{low:>{width}}" + (f" to {high}" if high > low else "")
    return pl.Series(band).replace_strict(names, return_dtype=pl.String)

"""How alike each candidate is to its query's other known positives, as if its label was not known.

A labelled pair is compared with the *other* positives of its query: one fewer than an unlabelled
pair has. A model that saw both would learn the count instead of the likeness, so there are two
views: in `known` an unlabelled pair is compared with all of them, in `held` with all but one drawn
at random. Learning is from `held`, where both kinds see equally many; telling is from `known`.
Where a query has more positives than are compared with, this holds of those that are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import polars as pl

from negatives.chance import mix
from negatives.schema import Floats, Rows

Likeness = Callable[[Rows, Rows], Floats]

MOST = 32
"""Positives of a query that candidates are compared with; of more, as many drawn by their hash."""
VIEWS = ("held", "known")
_PAIRS = 1 << 20  # compared at one time
_TOP = 3


def names(labels: list[str]) -> list[str]:
    """Columns of one view, without its prefix."""
    return ["others", *(f"{label}_{part}" for label in labels for part in ("max", "mean", "top"))]


def compare(rows: pl.DataFrame, likenesses: Mapping[str, Likeness]) -> pl.DataFrame:
    """For every row and view: how many other positives, and the likeness to them.

    `rows` has query, doc and relevance; whole queries. Columns VIEW_others, and for each likeness
    VIEW_NAME_max, _mean and _top (mean of the three highest), float32; null where none is other.
    """
    labels = list(likenesses)
    positives = (
        rows.filter(pl.col("relevance") > 0)
        .select("query", other="doc")
        .with_columns(
            hash=pl.Series(
                mix(rows.filter(pl.col("relevance") > 0)["doc"].to_numpy().astype(np.uint64))
            )
        )
        .sort("query", "hash")
        .with_columns(number=pl.int_range(pl.len()).over("query"))
        .filter(pl.col("number") < MOST)
        .select("query", "other", "number", count=pl.len().over("query"))
    )
    numbered = rows.select("query", "doc", labelled=(pl.col("relevance") > 0).fill_null(False))
    numbered = numbered.with_row_index("place")
    made = [pl.DataFrame(schema={"place": pl.UInt32})]
    for block in _blocks(numbered, positives):
        pairs = block.join(positives, on="query", how="inner", maintain_order="left")
        pairs = pairs.filter(pl.col("doc") != pl.col("other"))
        seed = pairs["query"].to_numpy().astype(np.uint64) << np.uint64(32)
        drawn = mix(seed | pairs["doc"].to_numpy()) % pairs["count"].to_numpy().astype(np.uint64)
        left, right = pairs["doc"].to_numpy(), pairs["other"].to_numpy()
        pairs = pairs.with_columns(
            *(pl.Series(label, like(left, right)) for label, like in likenesses.items()),
            inside=pl.len().over("place") < pl.col("count"),  # it is itself one of those compared
            drawn=pl.col("number") == pl.Series(drawn.astype(np.int64)),
        ).with_columns(held=pl.col("inside") | ~pl.col("drawn"))
        made.append(
            pairs.group_by("place", maintain_order=True).agg(
                each for view in VIEWS for each in _summed(view, labels)
            )
        )
    found = pl.concat(made, how="diagonal")
    columns = [f"{view}_{name}" for view in VIEWS for name in names(labels)]
    missing = [
        pl.lit(None, pl.Float32).alias(name) for name in columns if name not in found.columns
    ]
    return (
        numbered.select("place")
        .join(found.with_columns(missing), on="place", how="left", maintain_order="left")
        .with_columns(pl.col(f"{view}_others").fill_null(0) for view in VIEWS)
        .select(columns)
    )


def _summed(view: str, labels: list[str]) -> Iterator[pl.Expr]:
    seen = pl.col("held") | ~pl.col("labelled") if view == "known" else pl.col("held")
    yield seen.sum().cast(pl.Float32).alias(f"{view}_others")
    for label in labels:
        values = pl.col(label).filter(seen)
        yield values.max().alias(f"{view}_{label}_max")
        yield values.mean().cast(pl.Float32).alias(f"{view}_{label}_mean")
        yield values.top_k(_TOP).mean().cast(pl.Float32).alias(f"{view}_{label}_top")


def _blocks(rows: pl.DataFrame, positives: pl.DataFrame) -> list[pl.DataFrame]:
    """Whole queries, as many as make no more pairs than are compared at one time."""
    counts = positives.group_by("query").agg(count=pl.len())
    size = rows.join(counts, on="query", how="left", maintain_order="left")["count"].fill_null(0)
    before = np.cumsum(size.to_numpy()) - size.to_numpy()
    first = rows.select(pl.col("place").min().over("query"))["place"].to_numpy()
    block = before[first] // _PAIRS if len(rows) else first
    return rows.with_columns(block=pl.Series(block, dtype=pl.Int64)).partition_by(
        "block", maintain_order=True, include_key=False
    )

"""Positives that are hidden before mining: how many of them come back as negatives.

Where judging is near-complete, a hidden positive among the negatives is a false negative, and
nearly all false negatives are hidden positives: the false share is counted, not estimated. It says
nothing where only one positive a query is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
import polars as pl

from negatives.chance import pair_uniforms
from negatives.errors import InputError
from negatives.schema import Collection, Floats
from negatives.search.exact import pair_scores
from negatives.stats.bootstrap import resampled_means

Held = TypeVar("Held", bound=Collection)
PAIR: Final = ["query_id", "doc_id"]
_RESAMPLES: Final = 2000
_TAILS: Final = (0.025, 0.975)


def half(data: Held, seed: int) -> tuple[Held, pl.DataFrame]:
    """Half of the positives hidden of every query that has at least two, and those hidden.

    Queries with fewer are left out; so are judged negatives. Which are hidden is drawn by `seed`
    and the ids. `InputError` where no query has two.
    """
    count = pl.len().over("query_id")
    left = pl.int_range(pl.len()).over("query_id") >= count // 2
    return _hidden(data, seed, "benchmark/hide", left)


def all_but_one(data: Held, seed: int) -> tuple[Held, pl.DataFrame]:
    """One positive left of every query that has at least two (others go), and the hidden ones."""
    return _hidden(data, seed, "benchmark/one", pl.int_range(pl.len()).over("query_id") == 0)


def _hidden(data: Held, seed: int, stream: str, left: pl.Expr) -> tuple[Held, pl.DataFrame]:
    positives = data.qrels.filter(pl.col("relevance") > 0).filter(pl.len().over("query_id") >= 2)
    if positives.is_empty():
        raise InputError(
            "no query has two positives, one of which could be hidden",
            where=f"collection {data.name!r}",
            fix="train on it instead, and judge on a dev split",
        )
    drawn = pl.Series("draw", pair_uniforms(positives, seed, stream))
    ordered = positives.with_columns(drawn).sort("query_id", "draw").with_columns(left=left)
    kept = ordered.filter("left").select(data.qrels.columns)
    return replace(data, qrels=kept, origin=""), ordered.filter(~pl.col("left")).select(PAIR)


def delivered(
    visible: Collection,
    hidden: pl.DataFrame,
    negatives: pl.DataFrame,
    vectors: tuple[Floats, Floats] | None,
) -> pl.DataFrame:
    """By query: `delivered` negatives, how many are `false`, and the sum of what they score above
    the query's lowest visible positive (`above`, of `scored`).

    `negatives`: query_id, doc_id. `vectors` are those of queries and of documents, float32[n, dim]
    by row of the collection, of one encoder for all that is compared; None: nothing has a score, as
    written documents have none.
    """
    marked = negatives.select(PAIR).join(
        hidden.with_columns(false=True), on=PAIR, how="left", maintain_order="left"
    )
    counts = marked.group_by("query_id").agg(
        delivered=pl.len(), false=pl.col("false").fill_null(False).sum()
    )
    every = visible.qrels.select("query_id").unique().sort("query_id")
    return (
        every.join(counts, on="query_id", how="left")
        .join(_scored(visible, marked, vectors), on="query_id", how="left")
        .with_columns(pl.exclude("query_id").fill_null(0))
        .sort("query_id")
    )


def _scored(
    visible: Collection, negatives: pl.DataFrame, vectors: tuple[Floats, Floats] | None
) -> pl.DataFrame:
    """query_id, `above` and `scored` of `delivered`; no row where there are no vectors."""
    if vectors is None:
        return pl.DataFrame(
            schema={"query_id": pl.String, "above": pl.Float32, "scored": pl.UInt32}
        )
    known = visible.rows_of(negatives.join(visible.corpus.select("doc_id"), on="doc_id"))
    positives = visible.positives
    lowest = (
        positives.with_columns(score=pl.Series(_scores(*vectors, positives)))
        .group_by("query")
        .agg(lowest=pl.col("score").min())
    )
    scored = (
        known.with_columns(score=pl.Series(_scores(*vectors, known)))
        .join(lowest, on="query")
        .group_by("query")
        .agg(above=(pl.col("score") - pl.col("lowest")).sum(), scored=pl.len())
    )
    return scored.select(
        visible.queries["query_id"].gather(scored["query"]).alias("query_id"), "above", "scored"
    )


def _scores(queries: Floats, docs: Floats, pairs: pl.DataFrame) -> Floats:
    return pair_scores(queries, docs, pairs["query"].to_numpy(), pairs["doc"].to_numpy())


@dataclass(frozen=True, slots=True)
class Delivered:
    """Of one miner over all queries and hidings: shares of what was asked for and of what came.

    >>> import polars as pl
    >>> by_query = pl.DataFrame({"delivered": [2, 1], "false": [1, 0], "above": [-0.5, 0.2],
    ...                          "scored": [2, 1]})
    >>> found = summed([by_query], asked=2, deviation=0.1)
    >>> found.coverage, round(found.false_share, 3), found.hardness
    (0.75, 0.333, -1.0)
    """

    coverage: float
    false_share: float
    low: float
    high: float
    """Where the false share of all such queries may be, by drawing queries (95%)."""
    hardness: float | None
    """Standard deviations above the lowest visible positive, on average; None: nothing has a
    score."""


def summed(frames: Sequence[pl.DataFrame], asked: int, deviation: float) -> Delivered:
    """What `delivered` counted, a frame a hiding, of `asked` negatives a query each time."""
    wanted = asked * sum(map(len, frames))
    total = {name: sum(float(frame[name].sum()) for frame in frames) for name in _COUNTED}
    by_query = np.add.reduce([frame.select("delivered", "false").to_numpy() for frame in frames])
    means = [resampled_means(by_query[:, at].astype(float), 0, _RESAMPLES) for at in (0, 1)]
    shares = means[1] / np.maximum(means[0], 1e-12)  # the same draws of queries for both
    low, high = np.quantile(shares, _TAILS)
    above = total["above"] / total["scored"] if total["scored"] else None
    return Delivered(
        coverage=total["delivered"] / max(wanted, 1),
        false_share=total["false"] / max(total["delivered"], 1),
        low=float(low),
        high=float(high),
        hardness=above / (deviation or 1.0) if above is not None else None,
    )


_COUNTED: Final = ("delivered", "false", "above", "scored")

"""How many negatives there are, and whether a few documents stand in for all of them."""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.measure.lint.facts import FileFacts
from negatives.measure.lint.findings import LintRule, of_rows

HUB: Final = 0.1
"""One document a negative of more of the queries than this is a hub, as in a run's report."""
HUB_QUERIES: Final = 20
"""With fewer queries than this, a document shared by many says little."""
HUB_RATIO: Final = 10
"""So many times the queries of the mean negative make a hub."""


def none(facts: FileFacts) -> pl.DataFrame:
    """Rows without a negative; where a row is one document, queries without one (their first row).

    Queries that only have empty negatives count as having some: those are told of by themselves.
    """
    if facts.mined.layout.shape == "pair":
        queries = facts.queries.group_by("query").agg(pl.col("row").min())
        found = queries.join(facts.asked.select("query"), on="query", how="anti")
    else:
        found = facts.queries.join(facts.negatives, on="row", how="anti")
    return of_rows(found.sort("row"))


def uneven(facts: FileFacts) -> pl.DataFrame:
    """Queries with fewer distinct negatives than the others (their first row)."""
    counted = facts.asked.group_by("query").agg(
        pl.col("row").min(), negatives=pl.col("text").n_unique()
    )
    most = counted["negatives"].max()
    found = counted.filter(pl.col("negatives") < most).sort("row")
    noun = pl.when(pl.col("negatives") == 1).then(pl.lit("negative")).otherwise(pl.lit("negatives"))
    note = pl.format("{} {}, where others have {}", "negatives", noun, pl.lit(most))
    return of_rows(found, note)


def constant(facts: FileFacts) -> pl.DataFrame:
    """Negatives that every query has which can have them: they are neither a positive of it nor it.

    Where that is so of all that the file names, as in a classification by a few labels, every query
    has everything, and nothing was chosen.
    """
    everything = pl.concat([facts.usable["text"], facts.known["text"]]).n_unique()
    if _counted(facts).filter(pl.col("queries") == pl.col("possible")).height == everything:
        return _shared(facts, pl.lit(False))
    return _shared(facts, _CONSTANT)


def hubs(facts: FileFacts) -> pl.DataFrame:
    """Negatives that far more queries have than most; each document once, at its first row."""
    many = (
        (pl.col("queries") > HUB * facts.distinct_queries)
        & (pl.col("queries") > HUB_RATIO * pl.col("queries").mean())
        & ~_CONSTANT
    )
    return _shared(facts, many)


def _shared(facts: FileFacts, which: pl.Expr) -> pl.DataFrame:
    if facts.distinct_queries < HUB_QUERIES:
        which = pl.lit(False)
    shared = _counted(facts).filter(which)
    found = facts.usable.join(shared, on="text", how="inner", maintain_order="left")
    return found.select("row", "place", note=pl.format("a negative of {} queries", "queries"))


def _counted(facts: FileFacts) -> pl.DataFrame:
    """text, queries (that have it as a negative), possible (those which can have it as one)."""
    queries = facts.queries.select("query").unique()
    itself = facts.queries.select("query", text="query_text")
    positives = facts.known.select("query", "text").join(queries, on="query", how="semi")
    barred = pl.concat([itself, positives]).unique()
    pairs = facts.usable.select("query", "text").unique()
    return (
        pairs.join(barred, on=["query", "text"], how="anti")
        .group_by("text")
        .agg(queries=pl.len())
        .join(barred.group_by("text").agg(barred=pl.len()), on="text", how="left")
        .with_columns(possible=len(queries) - pl.col("barred").fill_null(0))
    )


_CONSTANT: Final = (pl.col("queries") == pl.col("possible")) & (pl.col("possible") >= HUB_QUERIES)

RULES: Final = (
    LintRule(
        "constant-negative",
        "error",
        "negatives",
        constant,
        "negative is one that every query has which can have it",
        "negatives are one that every query has which can have them",
        "look for a wrong index in the code that mined; --fix takes them out",
        removes="negative",
    ),
    LintRule(
        "hub-negative",
        "warning",
        "negatives",
        hubs,
        "negative is a hub: a negative of far more queries than the others",
        "negatives are hubs: negatives of far more queries than the others",
        "look at the texts: boilerplate belongs out of the corpus",
    ),
    LintRule(
        "no-negatives",
        "warning",
        "rows",
        none,
        "row or query has no negative",
        "rows or queries have no negative",
        "drop them (--fix): some trainers stop at them",
        removes="row",
        spares=lambda layout: layout.shape == "pair",
    ),
    LintRule(
        "uneven-negatives",
        "warning",
        "queries",
        uneven,
        "query has fewer negatives than the others",
        "queries have fewer negatives than the others",
        "mine with more candidates, or train with a format of lists",
    ),
)

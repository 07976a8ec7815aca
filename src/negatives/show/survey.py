"""One pass over a run's ledger, part by part: everything a report counts, in little memory.

A part is a shard of queries, so whatever the size of the run only one part, fixed-size counters
and a few dozen rows are held. The sections of the report are made from this survey.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.run.picked import parts_with_picks
from negatives.schema import KEPT, POSITIVE
from negatives.show.histogram import Grid, Histogram
from negatives.show.picks import Picks
from negatives.store.run import Run

CHOSEN: Final = "negatives"
LEFT: Final = "left"
POOL: Final = "pool"
POSITIVES: Final = "positives"
REFUSED: Final = "rejected"
FATES: Final = (POSITIVES, CHOSEN, LEFT, REFUSED)
"""What became of a pair: a positive, chosen as a negative, kept but left, or rejected."""

TOP: Final = 10
"""Rank down to which two sources' lists are compared."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the ledger of a run holds, counted.

    `fates`: rows by verdict, rule and fate, with an example of each. `combinations`: rows by the
    set of sources that proposed them ("a+b") and fate. `agreements`: sums over the pairs that two
    sources both proposed. `delivered`: queries by number of negatives. `fewest`: the queries that
    got the fewest. `above_all`: negatives at least as hard as the highest positive of their query.
    `histograms`: one for each score, hardness and p_relevant that has values.
    """

    sources: tuple[str, ...]
    fates: pl.DataFrame
    combinations: pl.DataFrame
    agreements: pl.DataFrame
    delivered: pl.DataFrame
    fewest: pl.DataFrame
    above_all: int
    histograms: dict[str, Histogram]
    picks: Picks


def survey(run: Run, shown: int) -> Survey:
    """Count everything, and keep the `shown` foremost negatives of each ordering."""
    ledger = run.candidates()
    columns = ledger.collect_schema().names()
    sources = tuple(source.label for source in run.recipe.find if f"{source.label}_rank" in columns)
    measured = ["hardness", "p_relevant", *(f"{source}_score" for source in sources)]
    histograms = {
        name: Histogram.empty(grid, FATES) for name, grid in _grids(ledger, measured).items()
    }
    fates: list[pl.DataFrame] = []
    combinations: list[pl.DataFrame] = []
    agreements: list[pl.DataFrame] = []
    delivered: list[pl.DataFrame] = []
    fewest: list[pl.DataFrame] = []
    above_all = 0
    picks = Picks.of(run.recipe, sources, shown)
    for part in _parts(run, measured, sources):
        fates.append(_fates(part))
        combinations.append(_combinations(part))
        agreements.append(_agreements(part, sources))
        per_query = part.group_by("query_id").agg(delivered=pl.col("position").count())
        delivered.append(per_query.group_by("delivered").agg(queries=pl.len()))
        fewest.append(per_query.sort("delivered", "query_id").head(shown))
        highest = pl.col("hardness").filter(pl.col("fate") == POSITIVES).max().over("query_id")
        at_or_above = (pl.col("fate") == CHOSEN) & (pl.col("hardness") >= highest)
        above_all += int(part.select(at_or_above.sum()).item())
        codes = part["fate"].to_physical().to_numpy().astype(np.intp)
        for name, histogram in histograms.items():
            values = part[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            histogram.add(codes, values)
        picks.add(part)
    return Survey(
        sources=sources,
        fates=_merged_fates(fates),
        combinations=_summed(combinations, ["sources", "fate"], ["rows"]),
        agreements=_summed(agreements, ["first", "second"], list(_SUMS)),
        delivered=_summed(delivered, ["delivered"], ["queries"]).sort("delivered"),
        fewest=pl.concat(fewest).sort("delivered", "query_id").head(shown),
        above_all=above_all,
        histograms={name: h.summed(POOL, (CHOSEN, LEFT)) for name, h in histograms.items()},
        picks=picks,
    )


def _grids(ledger: pl.LazyFrame, measured: list[str]) -> dict[str, Grid]:
    """A grid for each column that has any finite value."""
    bounds = ledger.select(
        bound.alias(f"{name}|{which}")
        for name in measured
        for finite in [pl.col(name).filter(pl.col(name).is_finite())]
        for which, bound in (("low", finite.min()), ("high", finite.max()))
    ).collect(engine="streaming")
    found = bounds.row(0, named=True)
    return {
        name: Grid.over(float(found[f"{name}|low"]), float(found[f"{name}|high"]))
        for name in measured
        if found[f"{name}|low"] is not None
    }


def _parts(run: Run, measured: list[str], sources: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    """Each part of the ledger, with the negatives' position (null: not chosen) and the fate."""
    columns = ["query_id", "doc_id", "sources", "relevance", "verdict", "rule", "reason", *measured]
    columns += [f"{source}_rank" for source in sources]
    for part in parts_with_picks(run, columns):
        kept = pl.col("verdict").is_in(KEPT)
        fate = (
            pl.when(pl.col("verdict") == POSITIVE)
            .then(pl.lit(POSITIVES))
            .when(pl.col("position").is_not_null())
            .then(pl.lit(CHOSEN))
            .when(kept)
            .then(pl.lit(LEFT))
            .otherwise(pl.lit(REFUSED))
        )
        yield part.with_columns(fate=fate.cast(pl.Enum(FATES)))


def _fates(part: pl.DataFrame) -> pl.DataFrame:
    """Rows by verdict, rule and fate; the example is the first pair by id."""
    return (
        part.sort("query_id", "doc_id")
        .group_by("verdict", "rule", "fate", maintain_order=True)
        .agg(rows=pl.len(), query_id=pl.first("query_id"), doc_id=pl.first("doc_id"),
             reason=pl.first("reason"))
    )  # fmt: skip


def _merged_fates(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Parts come in query order, so the first example of all is that of the first part."""
    return (
        pl.concat(parts)
        .group_by("verdict", "rule", "fate", maintain_order=True)
        .agg(pl.col("rows").sum(), pl.first("query_id", "doc_id", "reason"))
        .sort("rows", "verdict", "rule", "fate", descending=[True, False, False, False])
    )


def _combinations(part: pl.DataFrame) -> pl.DataFrame:
    return part.group_by(pl.col("sources").list.join("+"), "fate").agg(rows=pl.len())


_SUMS: Final = ("both", "first_top", "both_top", "x", "y", "xx", "yy", "xy")


def _agreements(part: pl.DataFrame, sources: tuple[str, ...]) -> pl.DataFrame:
    """For each ordered pair of sources: pairs both proposed, and integer sums of their ranks.

    Integers, so that the result does not depend on the order of addition.
    """
    rows = []
    for first in sources:
        for second in sources:
            if first == second:
                continue
            x, y = (pl.col(f"{name}_rank").cast(pl.Int64) for name in (first, second))
            both = x.is_not_null() & y.is_not_null()
            rows.append(
                part.select(
                    first=pl.lit(first), second=pl.lit(second),
                    both=both.sum().cast(pl.Int64),
                    first_top=(x <= TOP).sum().cast(pl.Int64),
                    both_top=((x <= TOP) & (y <= TOP)).sum().cast(pl.Int64),
                    x=x.filter(both).sum(), y=y.filter(both).sum(), xx=(x * x).filter(both).sum(),
                    yy=(y * y).filter(both).sum(), xy=(x * y).sum(),
                )
            )  # fmt: skip
    schema = {"first": pl.String, "second": pl.String} | dict.fromkeys(_SUMS, pl.Int64)
    return pl.concat(rows) if rows else pl.DataFrame(schema=schema)


def _summed(parts: list[pl.DataFrame], by: list[str], sums: list[str]) -> pl.DataFrame:
    return pl.concat(parts).group_by(by).agg(pl.col(sums).sum()).sort(by)

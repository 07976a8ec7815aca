"""Everything a report counts of a run's ledger, some whole queries at a time, in little memory.

Whatever the size of the run only these, fixed-size counters and a few dozen rows are held. The
sections of the report are made from this survey.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
import polars as pl

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


class Surveying:
    """A survey in the making: parts of the ledger are added to it as they come by."""

    def __init__(self, run: Run, shown: int) -> None:
        ledger = run.candidates()
        there = ledger.collect_schema().names()
        self.sources = tuple(
            source.label for source in run.recipe.find if f"{source.label}_rank" in there
        )
        self._measured = ["hardness", "p_relevant", *(f"{name}_score" for name in self.sources)]
        self._shown = shown
        self._histograms = {
            name: Histogram.empty(grid, FATES) for name, grid in _grids(ledger, self._measured)
        }
        self._fates: list[pl.DataFrame] = []
        self._combinations: list[pl.DataFrame] = []
        self._agreements: list[pl.DataFrame] = []
        self._delivered: list[pl.DataFrame] = []
        self._fewest: list[pl.DataFrame] = []
        self._above_all = 0
        self._picks = Picks.of(run.recipe, self.sources, shown)

    @property
    def columns(self) -> list[str]:
        """What it looks at of the ledger."""
        ranks = [f"{name}_rank" for name in self.sources]
        return [*_COLUMNS, *self._measured, *ranks]

    def add(self, part: pl.DataFrame) -> None:
        """Count some whole queries of the ledger, with `position`."""
        part = part.with_columns(fate=_FATE)
        self._fates.append(_fates(part))
        self._combinations.append(part.group_by("sources", "fate").agg(rows=pl.len()))
        self._agreements.append(_agreements(part, self.sources))
        per_query = part.group_by("query_id").agg(delivered=pl.col("position").count())
        self._delivered.append(per_query.group_by("delivered").agg(queries=pl.len()))
        self._fewest.append(per_query.sort("delivered", "query_id").head(self._shown))
        codes = part["fate"].to_physical().to_numpy().astype(np.intp)
        for name, histogram in self._histograms.items():
            values = part[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            histogram.add(codes, values)
        few = part.filter(pl.col("fate").is_in([POSITIVES, CHOSEN]))
        self._above_all += _above_all(few)
        self._picks.add(part)

    def done(self) -> Survey:
        """Everything counted."""
        joined = [
            rows.with_columns(pl.col("sources").list.join("+")) for rows in self._combinations
        ]
        return Survey(
            sources=self.sources,
            fates=_merged_fates(self._fates),
            combinations=_summed(joined, ["sources", "fate"], ["rows"]),
            agreements=_summed(self._agreements, ["first", "second"], list(_SUMS)),
            delivered=_summed(self._delivered, ["delivered"], ["queries"]).sort("delivered"),
            fewest=pl.concat(self._fewest).sort("delivered", "query_id").head(self._shown),
            above_all=self._above_all,
            histograms={
                name: h.summed(POOL, (CHOSEN, LEFT)) for name, h in self._histograms.items()
            },
            picks=self._picks,
        )


def _grids(ledger: pl.LazyFrame, measured: list[str]) -> Iterator[tuple[str, Grid]]:
    """A grid for each column that has any finite value."""
    bounds = ledger.select(
        bound.alias(f"{name}|{which}")
        for name in measured
        for finite in [pl.col(name).filter(pl.col(name).is_finite())]
        for which, bound in (("low", finite.min()), ("high", finite.max()))
    ).collect(engine="streaming")
    found = bounds.row(0, named=True)
    for name in measured:
        if found[f"{name}|low"] is not None:
            low, high = (float(found[f"{name}|{which}"]) for which in ("low", "high"))
            yield name, Grid.over(low, high)


_COLUMNS: Final = (
    "query_id", "doc_id", "sources", "relevance", "verdict", "rule", "reason",
)  # fmt: skip


def _fate(name: str) -> pl.Expr:
    return pl.lit(name, pl.Enum(FATES))


_FATE: Final = (
    pl.when(pl.col("verdict") == POSITIVE)
    .then(_fate(POSITIVES))
    .when(pl.col("position").is_not_null())
    .then(_fate(CHOSEN))
    .when(pl.col("verdict").is_in(KEPT))
    .then(_fate(LEFT))
    .otherwise(_fate(REFUSED))
)


def _fates(part: pl.DataFrame) -> pl.DataFrame:
    """Rows by verdict, rule and fate; the example is the first pair by id."""
    kind = ["verdict", "rule", "fate"]
    counted = part.group_by(kind).agg(rows=pl.len(), query_id=pl.min("query_id"))
    of_query = part.filter(pl.col("query_id").is_in(counted["query_id"].implode()))
    examples = of_query.join(counted, on=[*kind, "query_id"]).sort("query_id", "doc_id")
    return examples.unique(kind, keep="first", maintain_order=True).select(
        *kind, "rows", "query_id", "doc_id", "reason"
    )


def _merged_fates(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Parts come in query order, so the first example of all is that of the first part."""
    return (
        pl.concat(parts)
        .group_by("verdict", "rule", "fate", maintain_order=True)
        .agg(pl.col("rows").sum(), pl.first("query_id", "doc_id", "reason"))
        .sort("rows", "verdict", "rule", "fate", descending=[True, False, False, False])
    )


def _above_all(few: pl.DataFrame) -> int:
    """Negatives at least as hard as the highest positive of their query."""
    highest = (
        few.filter(pl.col("fate") == POSITIVES)
        .group_by("query_id")
        .agg(highest=pl.col("hardness").max())
    )
    chosen = few.filter(pl.col("fate") == CHOSEN).select("query_id", "hardness")
    above = chosen.join(highest, on="query_id").select(pl.col("hardness") >= pl.col("highest"))
    return int(above.to_series().sum())


_SUMS: Final = ("both", "first_top", "both_top", "x", "y", "xx", "yy", "xy")


def _agreements(part: pl.DataFrame, sources: tuple[str, ...]) -> pl.DataFrame:
    """For each ordered pair of sources: pairs both proposed, and integer sums of their ranks.

    Integers, so that the result does not depend on the order of addition.
    """
    schema = {"first": pl.String, "second": pl.String} | dict.fromkeys(_SUMS, pl.Int64)
    pairs = list(permutations(sources, 2))
    sums = [pl.struct(_agreement(*pair)).alias(f"{place}") for place, pair in enumerate(pairs)]
    found = part.select(sums).row(0) if pairs else ()
    rows = [{"first": a, "second": b, **row} for (a, b), row in zip(pairs, found, strict=True)]
    return pl.DataFrame(rows, schema=schema)


def _agreement(first: str, second: str) -> list[pl.Expr]:
    x, y = (pl.col(f"{name}_rank").cast(pl.Int64) for name in (first, second))
    both = x.is_not_null() & y.is_not_null()
    return [
        both.sum().alias("both"),
        (x <= TOP).sum().alias("first_top"),
        ((x <= TOP) & (y <= TOP)).sum().alias("both_top"),
        x.filter(both).sum().alias("x"),
        y.filter(both).sum().alias("y"),
        (x * x).filter(both).sum().alias("xx"),
        (y * y).filter(both).sum().alias("yy"),
        (x * y).sum().alias("xy"),
    ]


def _summed(parts: list[pl.DataFrame], by: list[str], sums: list[str]) -> pl.DataFrame:
    return pl.concat(parts).group_by(by).agg(pl.col(sums).sum()).sort(by)

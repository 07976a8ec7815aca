"""Where the negatives come from, and how far the sources agree."""

from __future__ import annotations

import math
from typing import Any, Final

import polars as pl

from negatives.measure.estimate import rounded, share
from negatives.show.evidence import ReportEvidence
from negatives.show.survey import CHOSEN, POSITIVES, TOP

_COMBINATIONS: Final = 12


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """By source, by set of sources, and by pair of sources.

    `negatives_alone`: those that no other source proposed. `evidence`: values of the source's that
    p_relevant is estimated from.

    `overlap`: share of the first source's candidates that the second proposed too. `top_overlap`:
    share of the first's ten best that are among the second's ten best. `rank_correlation`: of the
    ranks of the pairs both proposed (Pearson's r of ranks). The last two are null where ranks mean
    nothing, as those of random draws.
    """
    survey = evidence.survey
    table = survey.combinations.with_columns(
        pl.col("sources").str.split("+").alias("set"),
        rows=pl.col("rows").cast(pl.Int64),
    )
    totals = {fate: _sum(table.filter(pl.col("fate") == fate)) for fate in (POSITIVES, CHOSEN)}
    agreements = survey.agreements.to_dicts()
    ranked = {source.label for source in evidence.run.recipe.find if source.ranks_by_relevance}
    proposed = {name: _sum(_of(table, name)) for name in survey.sources}
    return {
        "sources": [
            _source(table, name, totals) | {"evidence": _evidence(evidence, name)}
            for name in survey.sources
        ],
        "combinations": _sets(table),
        "top": TOP,
        "pairs": [
            {
                "first": row["first"],
                "second": row["second"],
                "both": row["both"],
                "overlap": share(row["both"], proposed[row["first"]]),
                "top_overlap": share(row["both_top"], row["first_top"]) if both_rank else None,
                "rank_correlation": _correlation(row) if both_rank else None,
            }
            for row in agreements
            for both_rank in [{row["first"], row["second"]} <= ranked]
        ],
    }


def _evidence(evidence: ReportEvidence, name: str) -> int:
    """How many of the values that p_relevant is estimated from are a source's own."""
    about = evidence.run.manifest.notes.p_relevant
    given = () if about is None else about.evidence
    return sum(each.startswith((f"{name} ", f"{name}_")) for each in given)


def _source(table: pl.DataFrame, name: str, totals: dict[str, int]) -> dict[str, Any]:
    own = _of(table, name)
    chosen = own.filter(pl.col("fate") == CHOSEN)
    positives = _sum(own.filter(pl.col("fate") == POSITIVES))
    return {
        "source": name,
        "proposed": _sum(own),
        "positives": positives,
        "positives_share": share(positives, totals[POSITIVES]),
        "negatives": _sum(chosen),
        "negatives_share": share(_sum(chosen), totals[CHOSEN]),
        "negatives_alone": _sum(chosen.filter(pl.col("sources") == name)),
    }


def _sets(table: pl.DataFrame) -> list[dict[str, Any]]:
    """The largest sets of sources; positives that no source proposed are not among them."""
    sets = (
        table.filter(pl.col("sources") != "")
        .group_by("sources")
        .agg(
            pl.col("rows").sum().alias("pairs"),
            negatives=pl.col("rows").filter(pl.col("fate") == CHOSEN).sum(),
            positives=pl.col("rows").filter(pl.col("fate") == POSITIVES).sum(),
        )
        .sort("pairs", "sources", descending=[True, False])
    )
    shown = [
        {**row, "sources": row["sources"].split("+")}
        for row in sets.head(_COMBINATIONS).iter_rows(named=True)
    ]
    rest = sets.slice(_COMBINATIONS).select(pl.col("pairs", "negatives", "positives").sum())
    return [*shown, {"sources": [], **rest.row(0, named=True)}] if len(sets) > len(shown) else shown


def _of(table: pl.DataFrame, name: str) -> pl.DataFrame:
    return table.filter(pl.col("set").list.contains(name))


def _sum(table: pl.DataFrame) -> int:
    return int(table["rows"].sum())


def _correlation(row: dict[str, Any]) -> float | None:
    n, x, y = row["both"], row["x"], row["y"]
    spread = (n * row["xx"] - x * x) * (n * row["yy"] - y * y)
    return rounded((n * row["xy"] - x * y) / math.sqrt(spread)) if spread > 0 else None

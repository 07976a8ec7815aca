"""What a table of queries and their values of each metric comes to: means, intervals, slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from negatives.errors import InputError
from negatives.measure.estimate import rounded
from negatives.measure.ir_measures import IrMeasure
from negatives.measure.metrics import Metric
from negatives.measure.slices import Groupings
from negatives.stats.bootstrap import interval

CEILING: Final = "_ceiling "
"""What the column of a metric's ceilings is called, before its name."""


def means(
    table: pl.DataFrame,
    metrics: Sequence[Metric | IrMeasure],
    ending: str,
    confidence: float,
    seed: int,
) -> dict[str, dict[str, float | None]]:
    """Each metric's mean with its interval, and the mean of its ceilings; `ending`: of its name."""
    found: dict[str, dict[str, float | None]] = {}
    for metric in metrics:
        values = table[f"{metric}{ending}"].to_numpy()
        if metric.total:  # a count of these queries, which estimates nothing
            found[str(metric)] = {"value": int(values.sum()), "low": None, "high": None}
            continue
        made = interval(values, confidence=confidence, seed=seed)
        row = {"value": rounded(made.value), "low": rounded(made.low), "high": rounded(made.high)}
        if not ending and f"{CEILING}{metric}" in table.columns:
            row["ceiling"] = rounded(float(np.mean(table[f"{CEILING}{metric}"].to_numpy())))
        found[str(metric)] = row
    return found


SLICES: Final = {
    "by": pl.String, "group": pl.String, "queries": pl.Int64, "metric": pl.String,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def sliced(
    table: pl.DataFrame,
    metrics: Sequence[Metric | IrMeasure],
    parts: Groupings,
    confidence: float,
    seed: int,
) -> pl.DataFrame:
    """The same for each group of queries: a row of `SLICES` for each metric."""
    rows = []
    for by, frame in parts.items():
        if not {"query_id", "group"} <= set(frame.columns):
            raise InputError(
                f"the slice {by!r} needs the columns query_id and group",
                fix="give a frame with both columns",
            )
        grouped = table.join(
            frame.select("query_id", group=pl.col("group").cast(pl.String)), on="query_id"
        ).sort("group", "query_id")
        for (group,), some in grouped.group_by("group", maintain_order=True):
            for name, row in means(some, metrics, "", confidence, seed).items():
                rows.append((by, group, len(some), name, row["value"], row["low"], row["high"]))
    return pl.DataFrame(rows, schema=SLICES, orient="row")

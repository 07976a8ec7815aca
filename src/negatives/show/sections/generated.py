"""Documents that were written for the run: by whom, and what became of them."""

from __future__ import annotations

from typing import Any

import polars as pl

from negatives.show.evidence import ReportEvidence
from negatives.wording import count


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """How many each generator wrote, by which model, and the verdicts; how many are negatives."""
    run = evidence.run
    table = run.generated
    ids = table.select("doc_id")
    made = {"documents": count(len(table)), "seed": ", ".join(map(str, table["seed"].unique()))}
    for name, model, rows in (
        table.group_by("generator", "model").len().sort("generator", "model").iter_rows()
    ):
        made[f"written by {name}" + (f", {model}" if model else "")] = count(rows)
    verdicts = (
        run.candidates()
        .join(ids.lazy(), on="doc_id", how="semi")
        .group_by("verdict", "rule")
        .len()
        .sort("verdict", "rule")
        .collect()
    )
    for verdict, rule, rows in verdicts.iter_rows():
        made[f"{verdict} by {rule}" if rule else verdict] = count(rows)
    chosen = run.negatives.select(pl.col("doc_id").is_in(ids["doc_id"].implode()).sum()).item()
    return {**made, "chosen as negatives": count(chosen)}

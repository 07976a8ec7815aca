"""How likely the negatives are in truth relevant: p_relevant, where a recipe estimates it."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

from negatives.measure.estimate import rounded
from negatives.show.evidence import ReportEvidence
from negatives.show.survey import CHOSEN, POOL


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """`expected_share`: mean p_relevant of the negatives that have one; all null where none has.

    `relabelled`: how many candidates are positives now, and how sure; null where none should be.
    `tail`: counts by bins of p_relevant that grow with it, up to 1. `rests_on`: what p_relevant was
    fitted on. `calibration`: by bin, the mean p of pairs without a label, and the one that the
    known positives of the bin imply. `cascade`: what a costly judge was asked, and whether it
    changed p_relevant; null without one. `checks`: what checks of the run said of it.
    """
    p = pl.col("p_relevant").cast(pl.Float64)
    row = (
        pl.scan_parquet(evidence.run.negatives_file, glob=False)
        .select(estimated=p.count(), mean=p.mean(), likely=(p >= 0.5).sum())
        .collect(engine="streaming")
        .row(0, named=True)
    )
    histogram = evidence.survey.histograms.get("p_relevant")
    estimated = row["estimated"] > 0
    return {
        "estimated": row["estimated"],
        "expected_share": rounded(row["mean"]) if estimated else None,
        "expected_false": rounded(row["mean"] * row["estimated"]) if estimated else None,
        "more_likely_than_not": row["likely"] if estimated else None,
        "relabelled": msgspec.to_builtins(evidence.run.manifest.facts.relabelled),
        "cascade": msgspec.to_builtins(evidence.run.manifest.notes.cascade),
        "checks": [
            {"check": each.check, "said": each.of_p_relevant}
            for each in evidence.run.manifest.notes.checks
            if each.of_p_relevant
        ],
        "distribution": histogram and histogram.figures((CHOSEN, POOL)),
        "tail": evidence.probabilities.tail(),
        "rests_on": _rests_on(evidence),
        "calibration": evidence.probabilities.calibration(_label_rate(evidence)),
    }


def _rests_on(evidence: ReportEvidence) -> dict[str, Any] | None:
    about = evidence.run.manifest.notes.p_relevant
    return None if about is None else dict(msgspec.to_builtins(about))


def _label_rate(evidence: ReportEvidence) -> float | None:
    about = evidence.run.manifest.notes.p_relevant
    return None if about is None else about.label_rate

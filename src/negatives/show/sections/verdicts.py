"""What became of the candidates: every row of the ledger, by verdict and rule."""

from __future__ import annotations

from typing import Any

import polars as pl

from negatives.measure.estimate import share
from negatives.schema import VERDICTS
from negatives.show.evidence import ReportEvidence
from negatives.show.survey import CHOSEN

_LONGEST = 240


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """Rows in = positives + kept (chosen or left) + rejected, by reason."""
    fates = evidence.survey.fates
    total = int(fates["rows"].sum())
    by_fate = dict(fates.group_by("fate").agg(pl.col("rows").sum()).iter_rows())
    return {
        "rows": total,
        "fates": [
            {
                "fate": fate,
                "rows": by_fate.get(fate, 0),
                "share": share(by_fate.get(fate, 0), total),
            }
            for fate in fates.schema["fate"].categories  # type: ignore[attr-defined]
        ],
        "rules": [_rule(row, total) for row in _rules(fates).iter_rows(named=True)],
    }


def _rules(fates: pl.DataFrame) -> pl.DataFrame:
    """One row for each verdict and rule; verdicts in the order of the schema."""
    place = pl.col("verdict").replace_strict(list(VERDICTS), list(range(len(VERDICTS))))
    return (
        fates.sort("query_id", "doc_id")
        .group_by("verdict", "rule", maintain_order=True)
        .agg(
            pl.col("rows").sum(),
            pl.first("query_id", "doc_id", "reason"),
            chosen=pl.col("rows").filter(pl.col("fate") == CHOSEN).sum(),
        )
        .sort(place, "rows", "rule", descending=[False, True, False])
    )


def _rule(row: dict[str, Any], total: int) -> dict[str, Any]:
    return {
        "verdict": row["verdict"],
        "rule": row["rule"],
        "rows": row["rows"],
        "share": share(row["rows"], total),
        "chosen": row["chosen"],
        "example": {
            "query_id": row["query_id"],
            "doc_id": row["doc_id"],
            "reason": row["reason"][:_LONGEST],
        },
    }

"""Hubs: documents that are a negative of many queries."""

from __future__ import annotations

from typing import Any

import polars as pl

from negatives.measure.estimate import rounded, share
from negatives.show.evidence import SHOWN, ReportEvidence
from negatives.show.texts import ABSENT, shortened

_LONGEST = 160


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """The documents used most, and how concentrated the negatives are.

    `half_from`: the fewest documents that make up half of the negatives.
    """
    counts = (
        pl.scan_parquet(evidence.run.negatives_file, glob=False)
        .group_by("doc_id")
        .agg(queries=pl.len())
        .collect(engine="streaming")
    )
    total = evidence.counts.negatives
    top = counts.sort("queries", "doc_id", descending=[True, False]).head(SHOWN)
    falling = counts["queries"].cast(pl.Int64).sort(descending=True).cum_sum()
    collection = evidence.texts.collection
    texts = evidence.texts.docs(top["doc_id"])
    return {
        "distinct": len(counts),
        "distinct_share": None
        if collection is None
        else share(len(counts), len(collection.corpus)),
        "half_from": int((falling < total / 2).sum()) + 1 if total else 0,
        "mean": rounded(total / len(counts)) if total else None,
        "top_share": share(int(top["queries"].sum()), total),
        "top": [
            {
                "doc_id": doc,
                "queries": queries,
                "share": share(queries, evidence.counts.queries),
                **_beginning(texts.get(doc)),
            }
            for doc, queries in top.iter_rows()
        ],
    }


def _beginning(text: dict[str, Any] | None) -> dict[str, Any]:
    if text is None:
        return dict(ABSENT)
    short = shortened(text["text"], _LONGEST)
    return {**text, "text": short, "whole": text["whole"] and short == text["text"]}

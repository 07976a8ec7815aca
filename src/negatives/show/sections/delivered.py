"""What was delivered: coverage, negatives per query, and why some are missing."""

from __future__ import annotations

from typing import Any

from negatives.measure.estimate import share
from negatives.show.evidence import ReportEvidence

_BINS = 24


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """Coverage is delivered / asked; a query is served fully when it got all it asked for."""
    run = evidence.run
    counts = evidence.counts
    asked, negatives, queries = counts.asked, counts.negatives, counts.queries
    per_query = run.recipe.pick.per_query
    by_number = dict(evidence.survey.delivered.select("delivered", "queries").iter_rows())
    full, none = by_number.get(per_query, 0), by_number.get(0, 0)
    fewest = [row for row in evidence.survey.fewest.iter_rows() if row[1] < per_query][:5]
    texts = evidence.texts.queries(query for query, _ in fewest)
    return {
        "asked": asked,
        "delivered": negatives,
        "coverage": share(negatives, asked),
        "per_query": per_query,
        "queries": queries,
        "queries_full": full,
        "queries_partly": queries - full - none,
        "queries_none": none,
        "share_full": share(full, queries),
        "missing": asked - negatives,
        "shortfall": run.shortfall,
        "distribution": _distribution(by_number, per_query),
        "fewest": [
            {"query_id": query, "delivered": got, "text": texts.get(query, {}).get("text")}
            for query, got in fewest
        ],
    }


def _distribution(by_number: dict[int, int], per_query: int) -> list[dict[str, int]]:
    """Queries by number of negatives, 0 and the full number always on their own."""
    if per_query < _BINS:
        spans = [(number, number) for number in range(per_query + 1)]
    else:
        width = -(-(per_query - 1) // (_BINS - 2))
        inner = range(1, per_query, width)
        spans = [(0, 0), *((low, min(low + width, per_query) - 1) for low in inner)]
        spans.append((per_query, per_query))
    return [
        {
            "from": low,
            "to": high,
            "queries": sum(n for got, n in by_number.items() if low <= got <= high),
        }
        for low, high in spans
    ]

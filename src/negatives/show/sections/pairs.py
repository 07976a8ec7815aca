"""The pairs to read, with their texts: the most suspicious, the hardest, some drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from negatives.measure.estimate import rounded
from negatives.schema import Side
from negatives.show.evidence import PAIRS, ReportEvidence
from negatives.show.picks import HARDEST, REFUSED, SUSPICIOUS, TYPICAL
from negatives.show.survey import Survey
from negatives.show.texts import ABSENT
from negatives.show.thumbnails import thumbnails

_MOST = ((SUSPICIOUS, PAIRS), (HARDEST, PAIRS), (TYPICAL, PAIRS), (REFUSED, PAIRS))

_LONGEST = 300

BUDGET = 800_000
"""Bytes of the pairs as JSON, at most: a page that holds them is about twice as large."""


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """One pair a query in each list; a pair is in the first list that has it, and in no other.

    `suspicious`, `hardest` and `typical` are negatives; `rejected` is what rules have set aside.
    """
    survey = evidence.survey
    picks = survey.picks
    positives = picks.positives_by_query()
    lists: dict[str, list[dict[str, Any]]] = {}
    seen: set[tuple[str, str]] = set()
    for name, most in _MOST:
        fresh = [
            row for row in _rows(survey, name) if (row["query_id"], row["doc_id"]) not in seen
        ][:most]
        seen |= {(row["query_id"], row["doc_id"]) for row in fresh}
        lists[name] = [
            _pair(row, positives.get(row["query_id"], []), survey.sources) for row in fresh
        ]
    _add_texts(evidence, [pair for pairs in lists.values() for pair in pairs])
    size = len(msgspec.json.encode(lists))
    if size > BUDGET:  # the foremost of each list, as many as fit
        lists = {name: pairs[: len(pairs) * BUDGET // size] for name, pairs in lists.items()}
    shown = [pair for pairs in lists.values() for pair in pairs]
    return {
        "images": thumbnails(evidence.texts.collection, _pictured(shown)),
        "texts": evidence.texts.collection is not None,
        "why_no_texts": evidence.texts.why,
        "order": _order(survey),
        "opinions": list(picks.opinions),
        **lists,
    }


def _rows(survey: Survey, name: str) -> list[dict[str, Any]]:
    """The rows of an ordering; none where nothing orders them."""
    unordered = name == SUSPICIOUS and _order(survey) == "none"
    if unordered or name not in survey.picks.found:
        return []
    rows = survey.picks.found[name].to_dicts()
    return [row for row in rows if name != HARDEST or row["hardness"] is not None]


def _order(survey: Survey) -> str:
    """Which ordering the suspicious list has: p_relevant, agreement, hardness, or none."""
    if "p_relevant" in survey.histograms:
        return "p_relevant"
    if "hardness" not in survey.histograms:
        return "agreement" if len(survey.picks.opinions) > 1 else "none"
    return "agreement, hardness" if len(survey.picks.opinions) > 1 else "hardness"


def _pair(
    row: dict[str, Any], positives: list[dict[str, Any]], sources: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "query_id": row["query_id"],
        "hardness": rounded(row["hardness"]),
        "p_relevant": rounded(row["p_relevant"]),
        "position": row["position"],
        "verdict": row["verdict"],
        "rule": row["rule"],
        "reason": row["reason"][:_LONGEST],
        "sources": row["sources"],
        "negative": _side(row, sources),
        "positives": [_side(positive, sources) for positive in positives],
        "positives_in_all": positives[0]["positives"] if positives else 0,
    }


def _side(row: dict[str, Any], sources: tuple[str, ...]) -> dict[str, Any]:
    return {
        "doc_id": row["doc_id"],
        "relevance": row["relevance"],
        "hardness": rounded(row["hardness"]),
        "evidence": [
            {
                "source": name,
                "rank": row[f"{name}_rank"],
                "score": rounded(row[f"{name}_score"]),
            }
            for name in sources
            if row[f"{name}_rank"] is not None or row[f"{name}_score"] is not None
        ],
    }


def _pictured(pairs: list[dict[str, Any]]) -> Iterator[tuple[Side, str]]:
    """What an image helps to judge, in the order in which pairs are read."""
    for pair in pairs:
        yield "queries", pair["query_id"]
        for side in (pair["negative"], *pair["positives"]):
            yield "docs", side["doc_id"]


def _add_texts(evidence: ReportEvidence, pairs: list[dict[str, Any]]) -> None:
    sides = [side for pair in pairs for side in (pair["negative"], *pair["positives"])]
    docs = evidence.texts.docs(side["doc_id"] for side in sides)
    queries = evidence.texts.queries(pair["query_id"] for pair in pairs)
    for side in sides:
        side.update(docs.get(side["doc_id"], ABSENT))
    for pair in pairs:
        pair["query"] = queries.get(pair["query_id"], dict(ABSENT))

"""The answer of a report: the verdict, the figures that are read together, what else could be had.

Made from the figures of the sections alone, so that report.json, the page, a notebook and a
terminal say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from negatives.measure.certificate import KNOWN, MODEL, REVIEW
from negatives.show.frontier import Frontier, stepped
from negatives.show.next_steps import Situation, next_steps
from negatives.show.verdict import Figures, verdict

_GUESSED: Final = "guess"
_MOST_QUERIES: Final = 0.9


def answer(sections: Mapping[str, Any], frontier: Frontier) -> dict[str, Any]:
    """What the first screen says, as plain values.

    `verdict`: level, title, sentence, reasons. `figures`: coverage, false_share, hardness, each
    beside what was asked. `frontier`: what else could have been picked, and a step to either side.
    `next`: commands, and what each is for.
    """
    figures = judged(sections)
    found = verdict(figures)
    border = _frontier(figures, frontier)
    return {
        "verdict": found,
        "figures": _read_together(figures, sections),
        "frontier": border,
        "next": next_steps(_situation(sections, figures, found, border)),
    }


def judged(sections: Mapping[str, Any]) -> Figures:
    """What a verdict rests on, from the sections of a report."""
    certificate, delivered = sections["certificate"], sections["delivered"]
    estimates = certificate["estimates"]
    review = estimates[REVIEW]
    names = [REVIEW] if review["value"] is not None else [MODEL, KNOWN]
    told = [estimates[name] for name in (REVIEW, MODEL, KNOWN)]
    ends = [estimates[name]["high"] for name in names if estimates[name]["high"] is not None]
    rests_on = sections["relevance"]["rests_on"] or {}
    return Figures(
        negatives=delivered["delivered"],
        asked=delivered["asked"],
        max_false=sections["asked"]["pick"]["settings"].get("max_false"),
        false={
            name: each["value"]
            for name, each in zip((REVIEW, MODEL, KNOWN), told, strict=True)
            if each["value"] is not None
        },
        highest=max(ends, default=None),
        confidence=certificate["confidence"],
        guessed=rests_on.get("label rate from") == _GUESSED,
        hardness=sections["hardness"]["median"],
        above_lowest=sections["hardness"]["above_lowest"],
    )


def _read_together(figures: Figures, sections: Mapping[str, Any]) -> dict[str, Any]:
    hardness, delivered = sections["hardness"], sections["delivered"]
    estimates = sections["certificate"]["estimates"]
    series = (hardness["hardness"] or {"series": {}})["series"].get("negatives", {})
    return {
        "coverage": {
            "value": delivered["coverage"],
            "delivered": figures.negatives,
            "asked": figures.asked,
            "per_query": delivered["per_query"],
            "queries": delivered["queries"],
            "queries_full": delivered["queries_full"],
        },
        "false_share": {
            "value": figures.expected,
            "asked": figures.max_false,
            "highest": figures.highest,
            "confidence": figures.confidence,
            "agree": figures.agree,
            "guessed": figures.guessed,
            "estimates": [
                {"name": name, **{key: estimates[name][key] for key in ("value", "low", "high")}}
                for name in (MODEL, KNOWN, REVIEW)
            ],
        },
        "hardness": {
            "value": figures.hardness,
            "low": series.get("low"),
            "high": series.get("high"),
            "above_lowest": hardness["above_lowest"],
            "above_all": hardness["above_all"],
            "reference": hardness["reference"],
        },
    }


def _frontier(figures: Figures, frontier: Frontier) -> dict[str, Any] | None:
    """Points from the hardest to the easiest; None where p_relevant or hardness is not known."""
    points = frontier.points
    if not points or figures.expected is None or figures.hardness is None:
        return None
    own = {"hardness": frontier.own_hardness, "false_share": figures.expected}
    steps = stepped(points, figures.yardstick, own)
    return {
        "queries": frontier.drawn,
        "of_queries": frontier.queries,
        "asked": figures.max_false,
        "this": own,
        "careless": frontier.careless,
        "points": points,
        **steps,
    }


def _situation(
    sections: Mapping[str, Any],
    figures: Figures,
    found: Mapping[str, Any],
    border: Mapping[str, Any] | None,
) -> Situation:
    asked, delivered = sections["asked"], sections["delivered"]
    return Situation(
        run=sections["provenance"]["run"],
        data=sections["provenance"]["data"],
        level=found["level"],
        rules={reason["rule"] for reason in found["reasons"]},
        max_false=figures.yardstick,
        per_query=delivered["per_query"],
        enough=_enough(delivered),
        easier=border and border["easier"],
        harder=border and border["harder"],
        estimates=asked["estimate"] is not None,
        texts=asked["data"]["texts"],
    )


def _enough(delivered: Mapping[str, Any]) -> int:
    """The number of negatives that nine queries in ten got."""
    got = 0
    for bar in reversed(delivered["distribution"]):
        got += bar["queries"]
        if got >= _MOST_QUERIES * delivered["queries"]:
            return int(bar["from"])
    return 0

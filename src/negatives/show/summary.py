"""A run summarised to plain values: the only place where a report's figures are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from negatives.show.evidence import ReportEvidence
from negatives.show.notices import notices
from negatives.show.sections import (
    asked,
    certificate,
    cost,
    delivered,
    generated,
    hardness,
    hubs,
    pairs,
    provenance,
    relevance,
    sources,
    verdicts,
)
from negatives.store.run import Run

VERSION: Final = 1

Summary = dict[str, Any]

SECTIONS: Final[Mapping[str, Callable[[ReportEvidence], dict[str, Any]]]] = {
    "asked": asked.figures,
    "delivered": delivered.figures,
    "verdicts": verdicts.figures,
    "hardness": hardness.figures,
    "certificate": certificate.figures,
    "relevance": relevance.figures,
    "pairs": pairs.figures,
    "sources": sources.figures,
    "hubs": hubs.figures,
    "cost": cost.figures,
    "provenance": provenance.figures,
}
"""The sections of a report, in the order they are read."""


def summarise(run: Run) -> Summary:
    """Everything a report says, as plain JSON-able values.

    `sections` maps each name of `SECTIONS` to its figures, and `generated` where documents were
    written; `warnings` are those of the run, and
    `notices` what the figures themselves give reason to look at.
    """
    evidence = ReportEvidence(run)
    sections = {name: figures(evidence) for name, figures in SECTIONS.items()}
    if len(run.generated):
        sections["generated"] = generated.figures(evidence)
    return {
        "version": VERSION,
        "warnings": list(run.manifest.warnings),
        "notices": notices(sections),
        "sections": sections,
    }

"""A run summarised to plain values: the only place where a report's figures are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from negatives.events import Emit, silent
from negatives.show.answer import answer
from negatives.show.evidence import ReportEvidence
from negatives.show.notices import notices
from negatives.show.sections import (
    asked,
    certificate,
    checks,
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

VERSION: Final = 4

Summary = dict[str, Any]

SECTIONS: Final[Mapping[str, Callable[[ReportEvidence], dict[str, Any]]]] = {
    "pairs": pairs.figures,
    "certificate": certificate.figures,
    "relevance": relevance.figures,
    "checks": checks.figures,
    "sources": sources.figures,
    "hardness": hardness.figures,
    "verdicts": verdicts.figures,
    "delivered": delivered.figures,
    "hubs": hubs.figures,
    "cost": cost.figures,
    "asked": asked.figures,
    "provenance": provenance.figures,
}
"""The sections of a report, in the order they are read."""


def summarise(run: Run, emit: Emit = silent) -> Summary:
    """Everything a report says, as plain JSON-able values.

    `answer` is what the first screen says: see `negatives.show.answer`. `sections` maps each name
    of `SECTIONS` to its figures, and `generated` where documents were written; `warnings` are those
    of the run, and `notices` what the figures themselves give reason to look at.
    """
    evidence = ReportEvidence(run, emit)
    sections = {name: figures(evidence) for name, figures in SECTIONS.items()}
    if len(run.generated):
        sections["generated"] = generated.figures(evidence)
    return {
        "version": VERSION,
        "answer": answer(sections, evidence.frontier),
        "warnings": list(run.manifest.warnings),
        "notices": notices(sections),
        "sections": sections,
    }

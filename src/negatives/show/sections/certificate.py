"""How many of the negatives are false: three estimates, each with its bound and its assumption."""

from __future__ import annotations

from typing import Any

from negatives.show.evidence import ReportEvidence


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """`estimates` by name: value, low, high, confidence, assumption, why (not), and counts."""
    return evidence.certificate.as_dict()

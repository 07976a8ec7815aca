"""What it cost: seconds and memory by stage, calls and tokens."""

from __future__ import annotations

from typing import Any

from negatives.measure.estimate import rounded
from negatives.show.evidence import ReportEvidence


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """Stages in the order they first ran; `peak_mb` is of the whole process, up to then."""
    manifest = evidence.run.manifest
    return {
        "seconds": rounded(sum(entry.seconds for entry in manifest.stages.values())),
        "peak_mb": max((entry.peak_mb for entry in manifest.stages.values()), default=None),
        "stages": [
            {"stage": name, "seconds": entry.seconds, "peak_mb": entry.peak_mb}
            for name, entry in manifest.stages.items()
        ],
        "spent": dict(manifest.cost),
    }

"""Reports: a run summarised to plain values, then rendered."""

from __future__ import annotations

from negatives.run.directory import Run


def write_report(run: Run) -> None:
    """Write report.json and report.html into the run directory."""

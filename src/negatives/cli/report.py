"""negatives report: the report of a run, written again."""

from __future__ import annotations

from pathlib import Path

from negatives.cli.options import Flag


def report(run: Path, /, *, json: Flag = False) -> None:
    """Write report.html and report.json of a finished run, and print the main figures.

    Example:

        negatives report runs/cranfield --json

    Parameters
    ----------
    run
        A finished run directory.
    json
        Print the figures as JSON.
    """
    from negatives.api import Run
    from negatives.cli.summary import show_run

    show_run(Run(run).report(), json=json)

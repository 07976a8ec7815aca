"""Reports: a run summarised to plain values, then rendered. Nothing here changes a run's data."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from negatives.show.headline import headline
from negatives.show.render import render
from negatives.show.summary import Summary, summarise
from negatives.store.atomic import write_text
from negatives.store.run import REPORTS, Run

HTML: Final = REPORTS[0]
JSON: Final = REPORTS[1]

__all__ = ["HTML", "JSON", "Summary", "headline", "render", "summarise", "write_report"]


def write_report(run: Run) -> Path:
    """Write report.json and report.html into the run directory, atomically; the page's path.

    The manifest, which says what is in the run, is not written: `run.report()` does both.
    """
    summary = summarise(run)
    write_text(
        run.path / JSON, msgspec.json.format(msgspec.json.encode(summary), indent=1).decode()
    )
    write_text(run.path / HTML, render(summary))
    return run.path / HTML

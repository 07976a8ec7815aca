"""The report of a run, written into its directory: the last thing that a run needs to be whole."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from negatives.events import Emit, Took, silent
from negatives.run.account import Account
from negatives.show.render import render
from negatives.show.summary import VERSION, Summary, summarise
from negatives.store.atomic import write_text
from negatives.store.lock import locked
from negatives.store.manifest import DONE
from negatives.store.run import RECIPE, REPORTS, Run

HTML: Final = REPORTS[0]
JSON: Final = REPORTS[1]

AnyRun = TypeVar("AnyRun", bound=Run)


def reported(run: AnyRun, emit: Emit = silent) -> AnyRun:
    """The run with a report: its own, or one that is written now."""
    return run if run.manifest.status == DONE else report(run, emit)


def report(run: AnyRun, emit: Emit = silent) -> AnyRun:
    """Write report.html, report.json and recipe.toml of a picked run; then it is done."""
    began = time.perf_counter()
    with locked(run.path):
        run = run.reopened()  # as it is, now that nobody else writes
        account = Account(run.path, run.manifest, emit)
        write_text(run.path / RECIPE, run.recipe.to_toml())
        write_report(run, account.emit)
        for name in (RECIPE, *REPORTS):
            account.manifest.enter(account.run, account.run / name, 0)
        account.finish()
        # The manifest's stages are in the report, which would differ each time it is written.
        account.emit(Took("report", time.perf_counter() - began))
    return run


def figures_of(run: Run) -> Summary:
    """What the report of a run says: as just written, as read from report.json, or counted now."""
    there = run.figures is None and JSON in run.manifest.files
    if there and not run.manifest.changed(run.path, JSON):
        with suppress(OSError, msgspec.MsgspecError):
            read = msgspec.json.decode((run.path / JSON).read_bytes(), type=dict[str, Any])
            run.figures = read if read.get("version") == VERSION else None
    if run.figures is None:
        run.figures = summarise(run)
    return run.figures


def write_report(run: Run, emit: Emit = silent) -> Path:
    """Write report.json and report.html into the run directory, atomically; the page's path.

    The manifest, which says what is in the run, is not written: `report` does both.
    """
    run.figures = summary = summarise(run, emit)
    json = msgspec.json.format(msgspec.json.encode(summary), indent=1)
    write_text(run.path / JSON, json.decode())
    write_text(run.path / HTML, render(summary))
    return run.path / HTML

"""What a command prints about a run."""

from __future__ import annotations

from negatives.cli.streams import print_json
from negatives.store.run import REPORTS, Run


def show_run(run: Run, *, json: bool) -> None:
    """The figures of the report: a few lines for a person, or all of them as JSON."""
    from negatives.show import headline, summarise

    summary = run.summary or summarise(run)
    if json:
        print_json({"run": str(run.path), **summary})
        return
    print(headline(summary))
    if (page := run.path / REPORTS[0]).is_file():
        print(f"report: {page}")

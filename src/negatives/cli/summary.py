"""What a command prints about a run."""

from __future__ import annotations

from negatives.cli.clock import Clock
from negatives.cli.streams import print_json
from negatives.store.run import REPORTS, Run


def show_run(run: Run, *, json: bool, clock: Clock | None = None) -> None:
    """The figures of the report: a few lines for a person, or all of them as JSON.

    `clock`: what has heard where the command's time went, which a person is told too.
    """
    from negatives.show import figures_of, headline

    summary = figures_of(run)
    if json:
        print_json({"run": str(run.path), **summary})
        return
    print(headline(summary))
    if clock is not None:
        print(f"  {'time':<11} {clock.line([source.label for source in run.recipe.find])}")
    if (page := run.path / REPORTS[0]).is_file():
        print(f"report: {page}")

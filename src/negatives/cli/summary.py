"""What a command prints about a run."""

from __future__ import annotations

from dataclasses import replace

from negatives.cli.clock import Clock
from negatives.cli.streams import print_card, print_json
from negatives.store.run import REPORTS, Run


def show_run(run: Run, *, json: bool, clock: Clock | None = None) -> None:
    """The figures of the report: a few lines for a person, or all of them as JSON.

    `clock`: what has heard where the command's time went, which a person is told too.
    """
    from negatives.show import run_card, summarise

    # Not what the report says: a table that something else has changed is found by counting again.
    summary = run.figures or summarise(run)
    if json:
        print_json({"run": str(run.path), **summary})
        return
    card = run_card(summary)
    if clock is not None:
        time = clock.line([source.label for source in run.recipe.find])
        card = replace(card, rows=(*card.rows, ("time", time)))
    print_card(card)
    if (page := run.path / REPORTS[0]).is_file():
        print(f"report: {page}")

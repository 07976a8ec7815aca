"""negatives report: the report of a run, written again; or two runs side by side."""

from __future__ import annotations

from pathlib import Path

from negatives.cli.options import Flag
from negatives.cli.output import OptionalOutFile


def report(
    run: Path,
    /,
    *,
    against: Path | None = None,
    out: OptionalOutFile = None,
    json: Flag = False,
) -> None:
    """Write report.html and report.json of a finished run, and print the main figures.

    Examples:

        negatives report runs/cranfield --json

        negatives report runs/cranfield --against runs/careful

    Parameters
    ----------
    run
        A finished run directory.
    against
        Another run of the same collection: what it has other than the first, on a page of
        its own, in place of the report.
    out
        The page of --against; by default RUN/against-NAME.html.
    json
        Print the figures as JSON.
    """
    from negatives.api import Run
    from negatives.cli.streams import print_json
    from negatives.cli.summary import show_run
    from negatives.errors import InputError

    if against is None:
        if out is not None:
            raise InputError(
                "--out names the page of --against, and there is none",
                fix="leave it out: report.html and report.json lie in the run",
            )
        show_run(Run(run).report(), json=json)
        return
    from negatives.show.against import write_against

    page, figures = write_against(Run(run), Run(against), out)
    if json:
        print_json(figures)
        return
    print(figures["sentence"])
    print(f"  {page}")

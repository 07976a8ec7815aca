"""negatives diff: two runs side by side."""

from __future__ import annotations

from pathlib import Path

from negatives.cli.options import Flag
from negatives.cli.streams import print_json


def diff(run: Path, other: Path, /, *, examples: int = 3, json: Flag = False) -> None:
    """What OTHER has other than RUN: settings, figures, and which negatives are only in one.

    Examples:

        negatives diff runs/cranfield runs/other

        negatives diff runs/cranfield runs/other --examples 10 --json

    Parameters
    ----------
    run
        A finished run directory.
    other
        Another one, of the same data if pairs are to be compared.
    examples
        Pairs of only one run that are shown, at most.
    json
        Print the differences as JSON.
    """
    from negatives.errors import InputError
    from negatives.show.difference import difference
    from negatives.show.difference_text import difference_text
    from negatives.store.run import Run

    if examples < 0:
        raise InputError(f"{examples} examples", fix="0 for none")
    found = difference(Run(run), Run(other), examples)
    if json:
        print_json(found.as_dict())
    else:
        print(difference_text(found))

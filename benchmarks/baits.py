"""What gives the negatives of a recipe away: every recipe of the package that mines cranfield.

Raff and Holt (2023) ask of any method whether it learns what the task forbids. A recipe that takes
its negatives from one end of some mark, their length, say, hands that mark to whatever trains on
them, for the positives are not from that end. `negatives audit --checks shortcuts` is asked about
each recipe's negatives: by which mark, without the query, positives are told from them, and how
well (AUROC with its interval over queries, corrected for the number of marks; 0.5 tells nothing).
Each mines with the settings it has, with the static table of the package where it has a dense
source. Recipes that cannot mine this collection as it is are named with their reason. Made
documents have ids and places of their own, which no model that reads texts sees.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import negatives as neg
from benchmarks.page import write_page
from negatives.errors import NegativesError
from negatives.measure.audits import Answer, ask, subject_of
from negatives.recipe import load_recipe, shipped


def asked(name: str, folder: Path) -> Answer | str:
    """The answer about a recipe's negatives, or why there is none."""
    try:
        recipe = load_recipe(name)
        if not recipe.mines:
            return "finds no negatives beforehand"
        run = neg.mine("cranfield", folder / name, recipe=recipe)
        return ask(subject_of(run), ["shortcuts"])["shortcuts"]
    except NegativesError as error:
        return str(error).splitlines()[0]


def row(name: str, answer: Answer) -> str:
    """A row of the table."""
    marks: dict[str, Any] = answer.estimate.details["AUROC by mark"]
    cells = [f"{value:.2f}" for value, _, _ in marks.values()]
    low, high = answer.estimate.low or 0.0, answer.estimate.high or 0.0
    worst = answer.about.removeprefix("AUROC of ").split(" alone")[0]
    return (
        f"| {name} | {' | '.join(cells)} | {worst}, {low:.2f} to {high:.2f} | "
        f"{'**yes**' if answer.alarm else 'no'} |"
    )


def main() -> None:
    """Ask about every recipe, and write the page."""
    found: dict[str, Answer | str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in shipped():
            found[name] = asked(name, Path(folder))
            print(name, found[name], file=sys.stderr, flush=True)
    answers = {name: answer for name, answer in found.items() if isinstance(answer, Answer)}
    marks = list(next(iter(answers.values())).estimate.details["AUROC by mark"])
    by_value = sorted(answers, key=lambda name: -(answers[name].estimate.value or 0.0))
    lines = [
        f"| recipe | {' | '.join(marks)} | most by | alarm (above 0.75) |",
        f"|---|{'---:|' * len(marks)}---|---|",
        *(row(name, answers[name]) for name in by_value),
        "",
        "Not asked about:",
        "",
        *(f"- {name}: {why}" for name, why in found.items() if isinstance(why, str)),
    ]
    write_page("baits", "What gives negatives away", __doc__, lines)


if __name__ == "__main__":
    main()

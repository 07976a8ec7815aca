"""Two runs side by side: what each would say first, and what became of the negatives of the other.

The figures are plain values, the page is made from them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from negatives.errors import InputError
from negatives.measure.estimate import share
from negatives.show.difference import difference
from negatives.show.render import styles, template
from negatives.show.writing import figures_of
from negatives.store.atomic import write_text
from negatives.store.fingerprints import table_called
from negatives.store.run import Run
from negatives.wording import figure, percent

SHOWN: Final = 12
"""Pairs of only one run that are shown, at most."""
_HARDER: Final = 0.05
_FALSER: Final = 0.005


def against(first: Run, second: Run) -> dict[str, Any]:
    """`sentence`, `answers` of both runs as in their reports, and their `difference`.

    `InputError` where they were not made from one collection: no pair of one is then a pair of the
    other.
    """
    found = difference(first, second, SHOWN).as_dict()
    if found["data"]:
        raise InputError(
            "the two runs are not of one collection: they differ in "
            + ", ".join(map(table_called, found["data"])),
            where=f"{first.path} and {second.path}",
            fix="compare runs that were mined from the same data",
        )
    answers = {
        name: figures_of(run)["answer"] for name, run in (("first", first), ("second", second))
    }
    return {
        "sentence": in_words(answers["first"], answers["second"], found),
        "answers": answers,
        "difference": found,
    }


def in_words(first: Mapping[str, Any], second: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """How the second run differs from the first, in one sentence."""
    told = list(_changes(first["figures"], second["figures"], found["comparable"]))
    counts = found["negatives"]
    same = share(counts["both"], counts["both"] + counts["only_first"])
    kept = f"{percent(same)} of the first run's negatives are the second's too"
    if not counts["only_first"] and not counts["only_second"]:
        return "The two runs chose the same negatives."
    what = ", ".join(told) if told else "about as hard, and about as many are false"
    return f"The second run is {what}; {kept}."


def _changes(one: Mapping[str, Any], two: Mapping[str, Any], comparable: bool) -> Iterator[str]:
    hardness = one["hardness"]["value"], two["hardness"]["value"]
    if comparable and None not in hardness:
        change = hardness[1] - hardness[0]
        if abs(change) >= _HARDER:
            yield f"{'harder' if change > 0 else 'easier'} by {figure(abs(change))}"
    elif not comparable:
        yield "measured by another scorer, so that hardness cannot be compared"
    false = one["false_share"]["value"], two["false_share"]["value"]
    if None not in false and abs(false[1] - false[0]) >= _FALSER:
        yield f"expected to be {percent(false[1])} false in place of {percent(false[0])}"
    coverage = one["coverage"]["value"], two["coverage"]["value"]
    if None not in coverage and abs(coverage[1] - coverage[0]) >= _FALSER:
        yield f"at coverage {percent(coverage[1])} in place of {percent(coverage[0])}"


def against_page(figures: Mapping[str, Any]) -> str:
    """The page of two runs."""
    return template("against.html.j2").render(
        figures=figures, styles=styles("report.css", "against.css")
    )


def write_against(first: Run, second: Run, out: Path | None = None) -> tuple[Path, dict[str, Any]]:
    """Write the page, and the figures as JSON beside it; where it is, and the figures.

    By default in the folder of the first run, under the name of the second.
    """
    figures = against(first, second)
    page = out or first.path / f"against-{second.path.resolve().name}.html"
    write_text(page.with_suffix(".json"), _json(figures))
    write_text(page, against_page(figures))
    return page, figures


def _json(figures: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(figures), indent=1).decode()

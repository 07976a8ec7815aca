"""What the docs say of methods: a section a recipe, and the table of all that were looked at.

The table is `recipes/methods.tsv`: a method a line with its paper, the recipes that carry it out,
and where it is none, the part of the library that does, or the reason why there is none.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from negatives.models.absent import BUILT_IN
from negatives.recipe import PURPOSES, Recipe, load_recipe, shipped
from negatives.recipe_states import FALSE_SHARE, WORKING, Figure, state_of

MEASURED = re.compile(
    r"(?P<partly>in part: )?(?P<what>.+); benchmarks? (?P<places>`[\w#-]+`(?:, `[\w#-]+`)*)"
)
"""What the table says of a method that is a function or a command and has figures: what it is, and
the pages of its benchmarks, with the place in them."""
SURE = 0.05
"""The p below which a difference is called one."""


def methods() -> list[dict[str, str]]:
    """The table: `method`, `paper`, `place`, `recipes` (names, a blank between), `elsewhere`."""
    text = (files("negatives") / "recipes" / "methods.tsv").read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def methods_table() -> str:
    """All methods by their place in the flow: those with a recipe first, with its state."""
    places = dict.fromkeys(row["place"] for row in methods())
    rows = [(row, told(row)) for row in methods()]
    working = sum(state.split(":")[0] == WORKING for _, state in rows)
    named = sum(bool(recipes_of(row)) for row, _ in rows)
    parts = [
        f"Of {len(rows)} methods {named} have a recipe. Working by the rules above are {working}; "
        "the others are named with the part of the library that does it, or the reason."
    ]
    for place in sorted(places):
        lines = ["| method | paper | recipe | state, or why there is none |", "|---|---|---|---|"]
        found = [pair for pair in rows if pair[0]["place"] == place]
        for row, state in sorted(
            found, key=lambda pair: (not recipes_of(pair[0]), pair[0]["method"])
        ):
            links = ", ".join(
                f"[`{name}`](../src/negatives/recipes/{name}.toml)" for name in recipes_of(row)
            )
            paper = row["paper"].replace("|", "\\|")
            lines.append(f"| {row['method']} | {paper} | {links} | {state} |")
        parts += [f"## {place[0].upper()}{place[1:]}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def recipes_of(row: dict[str, str]) -> list[str]:
    """The recipes of a method that are there."""
    return [name for name in row["recipes"].split() if name in shipped()]


def told(row: dict[str, str]) -> str:
    """The states of a method's recipes, with the reason where they do not work; without any, what
    there is in place of it, or why not.

    A method that is a function or a command, no recipe, is working when the page of its benchmark
    is there, a test is marked as one of its numbers, and nothing of it is left out.
    """
    states = dict.fromkeys(state_of(load_recipe(name)).word for name in recipes_of(row))
    if not states:
        return without_recipe(row["method"], row["elsewhere"])
    if {*states} == {WORKING}:
        return WORKING
    return ": ".join(filter(None, ["; ".join(states), row["elsewhere"]]))


def without_recipe(method: str, elsewhere: str) -> str:
    """The state of a method that is a function or a command, and what it is."""
    found = MEASURED.fullmatch(elsewhere)
    if not found:
        return elsewhere
    places = found["places"].replace("`", "").split(", ")
    pages = [(place.partition("#")[0], place.partition("#")[2]) for place in places]
    for page, _ in pages:
        if not (Path(__file__).parent / f"results/{page}.md").is_file():
            return f"no figure: {found['what']}"
    links = " and ".join(
        f"[measured](results/{page}.md{f'#{place}' if place else ''})" for page, place in pages
    )
    if found["partly"]:
        return f"in part: {found['what']} ({links})"
    if method not in tested():
        return f"no test of its numbers: {found['what']} ({links})"
    return f"{WORKING}: {found['what']} ({links})"


@cache
def tested() -> frozenset[str]:
    """The recipes and methods of whose numbers there are tests."""
    return frozenset(json.loads((files("negatives") / "recipes" / "tested.json").read_bytes()))


# ---- a section of a recipe -----------------------------------------------------------------------


def about(name: str) -> Iterator[str]:
    """The idea of a recipe, what it is for, what it takes, and what it brings."""
    recipe = load_recipe(name)
    state = state_of(recipe)
    yield recipe.about
    if recipe.paper:
        yield f"After {recipe.paper}."
    if recipe.differs:
        yield f"**What differs from the paper.** {recipe.differs}"
    yield f"**For what.** {PURPOSES[recipe.purpose][:1].upper()}{PURPOSES[recipe.purpose][1:]}."
    yield f"**What it takes.** {takes(recipe)}"
    if found := worth(state.figures):
        yield f"**What it was worth here.** {found} A difference has p < {SURE:g}."
    yield f"**State.** {state.word[:1].upper()}{state.word[1:]}."
    if state.figures:
        yield "\n".join(figure_table(state.figures))


def takes(recipe: Recipe) -> str:
    """Models, texts and time that a recipe needs."""
    models = dict.fromkeys(
        model for stage in recipe.stages for model in stage.opens if model not in BUILT_IN
    )
    fields = sorted({name for stage in recipe.stages for name in stage.needs.docs})
    said = [
        f"Documents with {' and '.join(fields)}" if fields else "Nothing but ids",
        f"models: {', '.join(f'`{model}`' for model in models)}" if models else "no other model",
        "training by its own loss or batches" if recipe.trains else "mining alone",
    ]
    figures = [each.seconds for each in state_of(recipe).figures if each.seconds is not None]
    if figures:
        low, high = f"{min(figures):.0f}", f"{max(figures):.0f}"
        took = low if low == high else f"{low} to {high}"
        said.append(f"{took} s on two cores in the bench")
    return "; ".join(said) + "."


def worth(figures: tuple[Figure, ...]) -> str:
    """On which data a recipe was better than the baseline beside it, and on which worse.

    Of figures that were tested alone: what was not may be luck, and not every metric has a side
    that is better.
    """
    found: dict[str, list[str]] = {}
    for figure in figures:
        if figure.p is None:
            continue
        lower = figure.metric == FALSE_SHARE or "lower is better" in figure.metric
        better = (figure.value < figure.naive) is lower
        said = "Better than" if better else "Worse than"
        if figure.p >= SURE:
            said = "Within chance of"
        by = figure.metric.partition(" (")[0]
        data = f"{figure.title[:1].lower()}{figure.title[1:]}"
        found.setdefault(f"{said} {figure.beside} by {by}", []).append(data)
    return " ".join(f"{said}: {'; '.join(dict.fromkeys(on))}." for said, on in found.items())


def figure_table(figures: tuple[Figure, ...]) -> list[str]:
    """The measured figures, each beside that of a baseline."""
    lines = [
        "| measured | | baseline | | p | coverage | seconds |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for figure in figures:
        place = figure.source.removeprefix("docs/")
        p = "" if figure.p is None else f"{figure.p:.4f}"
        coverage = "" if figure.coverage is None else f"{figure.coverage:.0%}"
        seconds = "" if figure.seconds is None else f"{figure.seconds:.0f}"
        lines.append(
            f"| [{figure.title}](../{place}): {figure.metric} | **{figure.value:.4f}** | "
            f"{figure.beside} | {figure.naive:.4f} | {p} | {coverage} | {seconds} |"
        )
    return lines

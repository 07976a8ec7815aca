"""What the docs say of methods: a section a recipe, and the table of all that were looked at.

The table is `recipes/methods.tsv`: a method a line with its paper, the recipes that carry it out,
and where it is none, the part of the library that does, or the reason why there is none.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from negatives.learn.bench.applies import stages_of
from negatives.models.absent import BUILT_IN
from negatives.recipe import PURPOSES, Recipe, load_recipe, shipped
from negatives.recipe_states import WORKING, Figure, state_of

NO_RECIPE = "no recipe yet"
GUIDE = re.compile(r"(?P<functions>`neg\.guide\..+); benchmark `(?P<benchmark>\w+)`")
"""What the table says of a method that is a function of the room `guide`."""


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
        f"Of {len(rows)} methods {named} have a recipe. Working by the rule above are {working}, "
        "guides whose figures are there among them; the others are named with the part of the "
        "library that does it, or the reason."
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

    A guide is a function, no recipe, and is working when the page of its benchmark is there.
    """
    states = dict.fromkeys(state_of(load_recipe(name)).word for name in recipes_of(row))
    elsewhere = row["elsewhere"]
    if found := GUIDE.fullmatch(elsewhere):
        page = Path(f"results/{found['benchmark']}.md")
        if (Path(__file__).parent / page).is_file():
            return f"{WORKING}: {found['functions']} ([measured]({page.as_posix()}))"
        return f"no figure: {found['functions']}"
    if not states or {*states} == {WORKING}:
        return "; ".join(states) or elsewhere or NO_RECIPE
    return ": ".join(filter(None, ["; ".join(states), elsewhere]))


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
    yield f"**State.** {state.word[:1].upper()}{state.word[1:]}."
    if state.figures:
        yield "\n".join(figure_table(state.figures))


def takes(recipe: Recipe) -> str:
    """Models, texts and time that a recipe needs."""
    models = dict.fromkeys(
        model for stage in stages_of(recipe) for model in stage.opens if model not in BUILT_IN
    )
    fields = sorted({name for stage in stages_of(recipe) for name in stage.needs.docs})
    said = [
        f"Documents with {' and '.join(fields)}" if fields else "Nothing but ids",
        f"models: {', '.join(f'`{model}`' for model in models)}" if models else "no other model",
        "training by its own loss or batches" if recipe.trains else "mining alone",
    ]
    figures = [each.seconds for each in state_of(recipe).figures if each.seconds is not None]
    if figures:
        low, high = min(figures), max(figures)
        said.append(f"{low:.0f} to {high:.0f} s on two cores in the bench")
    return "; ".join(said) + "."


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

"""negatives recipes: the methods that come with the package, and checking your own."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Final, cast

import cyclopts

from negatives.cli.options import Flag
from negatives.cli.streams import print_json

if TYPE_CHECKING:
    from negatives.learn.round import Round
    from negatives.recipe import Recipe

app = cyclopts.App(name="recipes", help="The methods that come with the package; check your own.")

_YEAR: Final = re.compile(r".*?\b\d{4}\b")
"""Authors and year of the paper that is followed."""
_WIDEST: Final = 100
"""Columns that a line of text fills, at most: longer ones are hard to read."""


@app.command(name="list")
def list_(*, json: Flag = False) -> None:
    """List the recipes that come with the package, by what they are for.

    Beside each stands its state: `working`, if it has a measured figure, a test of its
    numbers, and says what differs from its paper; else what is missing.

    Example:

        negatives recipes list

    Parameters
    ----------
    json
        Print them as JSON.
    """
    from negatives.recipe import PURPOSES, load_recipe, shipped
    from negatives.recipe_states import WORKING, as_plain, state_of

    recipes = [load_recipe(name) for name in shipped()]
    states = {recipe.name: state_of(recipe) for recipe in recipes}
    if json:
        told = ("name", "purpose", "paper", "differs", "about")
        print_json(
            [
                {name: getattr(recipe, name) for name in told} | as_plain(states[recipe.name])
                for recipe in recipes
            ]
        )
        return
    columns = min(shutil.get_terminal_size().columns, _WIDEST)
    for purpose, title in PURPOSES.items():
        if named := [recipe for recipe in recipes if recipe.purpose == purpose]:
            print(f"{title}")
            for recipe in named:
                print("\n".join(_entry(recipe, states[recipe.name].word, columns)))
            print()
    working = sum(state.word == WORKING for state in states.values())
    print(f"{working} of {len(recipes)} are working: measured, tested, and told from their papers")
    print("negatives recipes show NAME   prints one: all it does, every setting, the paper")


def _entry(recipe: Recipe, state: str, columns: int) -> list[str]:
    """The name, and beside it in a sentence what the recipe does, whom it follows, its state."""
    indent = min(22, columns // 3)
    about, _, _ = recipe.about.partition(". ")
    if followed := _YEAR.match(recipe.paper):
        about = f"{about.rstrip('.')} ({followed[0]})"
    about = f"{about.rstrip('.')} [{state}]"
    room = columns - indent
    lines = textwrap.wrap(about, room) or [""]
    name = f"  {recipe.name}"
    if len(name) >= indent:
        return [name, *(" " * indent + line for line in lines)]
    return [f"{name:<{indent}}{lines[0]}", *(" " * indent + line for line in lines[1:])]


@app.command
def show(name: str, /) -> None:
    """Print a recipe as TOML, every setting written out and described, and what is known of it.

    Below it stand, as comments, its state, its measured figures and where they are from.

    Example:

        negatives recipes show default

    Parameters
    ----------
    name
        A recipe that comes with the package, or a .toml file.
    """
    from negatives.recipe import load_recipe
    from negatives.recipe_states import state_of

    recipe = load_recipe(name)
    print(recipe.to_toml(), end="")
    state = state_of(recipe)
    print(f"\n# state: {state.word}")
    for figure in state.figures:
        print(f"# {figure}\n#   from {figure.source}")


@app.command
def check(file: str, /) -> None:
    """Check a recipe file: exit code 0 if it is right, 2 and the reason if not.

    Example:

        negatives recipes check nv-retriever

    Parameters
    ----------
    file
        A .toml file, or the name of a recipe that comes with the package.
    """
    from negatives.recipe import load_recipe
    from negatives.store.named_files import unnoticed

    recipe = load_recipe(file)
    recipe.refuse_unnamed()
    rounds = ""
    if recipe.round:
        from negatives.learn.request import completed
        from negatives.learn.rounds import planned

        planned(completed(recipe, "static"))
        each = cast("tuple[Round, ...]", recipe.round)
        rounds = f"; rounds: {', '.join(f'{one.kind} {one.role}' for one in each)}"
    stages = [stage.kind for stage in (*recipe.find, *recipe.make, *recipe.judge, recipe.pick)]
    print(f"{file}: {recipe.name}: {' -> '.join(stages)}{rounds}")
    for stage in recipe.stages:
        for setting, name in unnoticed(stage).items():
            print(
                f"{stage.kind}: {setting} names {name}, and a run would not notice that it has "
                "changed: the type of the setting is to be ModelName or FileName, of "
                "negatives.settings"
            )
    if recipe.paper and not recipe.differs:
        print('it follows a paper and does not say what differs from it: differs = "..."')

"""negatives recipes: the methods that come with the package, and checking your own."""

from __future__ import annotations

import cyclopts

from negatives.cli.options import Flag
from negatives.cli.streams import print_json

app = cyclopts.App(name="recipes", help="The methods that come with the package; check your own.")


@app.command(name="list")
def list_(*, json: Flag = False) -> None:
    """List the recipes that come with the package.

    Parameters
    ----------
    json
        Print them as JSON.
    """
    from negatives.recipe import load_recipe, shipped

    recipes = [load_recipe(name) for name in shipped()]
    if json:
        rows = [{"name": r.name, "paper": r.paper, "about": r.about} for r in recipes]
        print_json(rows)
        return
    width = max(len(recipe.name) for recipe in recipes)
    for recipe in recipes:
        print(f"{recipe.name:<{width}}  {recipe.about}")
        if recipe.paper:
            print(f"{'':<{width}}  ({recipe.paper})")


@app.command
def show(name: str, /) -> None:
    """Print a recipe as TOML, every setting written out and described.

    Parameters
    ----------
    name
        A recipe that comes with the package, or a .toml file.
    """
    from negatives.recipe import load_recipe

    print(load_recipe(name).to_toml(), end="")


@app.command
def check(file: str, /) -> None:
    """Check a recipe file: exit code 0 if it is right, 2 and the reason if not.

    Parameters
    ----------
    file
        A .toml file, or the name of a recipe that comes with the package.
    """
    from negatives.recipe import load_recipe

    recipe = load_recipe(file)
    stages = [stage.kind for stage in (*recipe.find, *recipe.make, *recipe.judge, recipe.pick)]
    print(f"{file}: {recipe.name}: {' -> '.join(stages)}")

"""The folder of a run that nobody has named: runs/NAME, NAME from the data and the recipe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from negatives.recipe import Recipe
from negatives.schema import Collection

RUNS: Final = Path("runs")
_LONGEST: Final = 80
_DEFAULT: Final = "default"


def default_folder(data: str, collection: Collection, recipe: Recipe) -> Path:
    """`runs/cranfield`; with the split, if it was named, and the recipe, if it is another.

    So the same command finds its run again, and two recipes do not meet in one folder. What else
    may differ is told where the folder holds another run.
    """
    parts = [collection.name]
    _, at, split = data.rpartition("@")
    if at and split and not Path(data).exists():
        parts.append(split)
    if recipe.name != _DEFAULT:
        parts.append(recipe.name)
    name = "-".join(re.sub(r"[^\w.]+", "-", part).strip("-.") for part in parts)
    return RUNS / (name[:_LONGEST].strip("-.") or "run")

"""The arms of a comparison: a recipe, a run or a mined file each, and what is told of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from negatives.errors import InputError
from negatives.events import silent
from negatives.learn.request import as_run, mined_at, recipe_of
from negatives.learn.settings import Training
from negatives.read.mined.rows import mined_file
from negatives.read.mined.training import read_mined_file
from negatives.recipe import Recipe
from negatives.run.inputs import collection_of
from negatives.schema import Collection
from negatives.show import figures_of
from negatives.store.run import Run

NONE: Final = "none"
"""The arm without mined negatives."""


@dataclass(frozen=True)
class Arm:
    """One way of choosing negatives: `recipe` mines and learns; `data` is what is trained with."""

    name: str
    recipe: Recipe
    data: Run | Path | None
    """A run or a mined file that is there already; None: to be mined."""
    mined: bool = True

    @property
    def mines(self) -> bool:
        """Whether its training learns from negatives that are mined once for all seeds.

        Not where the recipe writes queries of its own: those are mined when it is trained.
        """
        writes = any(each.generates == "queries" for each in self.recipe.make)
        return self.mined and not writes and self.recipe.mines


def negatives_of(arm: Arm) -> dict[str, Any] | None:
    """What the report of an arm's run says of its negatives; None where there is no run."""
    if not isinstance(arm.data, Run):
        return None
    figures = figures_of(arm.data)["answer"]["figures"]
    return {
        "per_query": figures["coverage"]["per_query"],
        "coverage": figures["coverage"]["value"],
        "false_share": figures["false_share"]["value"],
        "false_share_at_most": figures["false_share"]["highest"],
        "hardness": figures["hardness"]["value"],
        "scorer": figures["hardness"]["reference"],
    }


def arms_of(
    arms: Sequence[str | Path | Recipe], control: str, complete: Callable[..., Recipe]
) -> list[Arm]:
    """The arms that are named, all with the trainer of the first; `control` adds its own."""
    if control not in (NONE, ""):
        raise InputError(f"there is no control {control!r}", fix="none, or leave it out")
    made = [_arm(arm, complete) for arm in arms]
    if control == NONE:
        plain = complete(recipe_of(Path(), "default"), emit=silent)
        made.append(Arm(NONE, plain, None, mined=False))
    names = [arm.name for arm in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two arms are called {', '.join(twice)}", fix="rename one of the files")
    if len(made) < 2:
        raise InputError("one arm has nothing to be compared with", fix="name another recipe")
    first = cast("Training", made[0].recipe.train)
    return [replace(arm, recipe=_trained_as(first, arm.recipe)) for arm in made]


def _arm(arm: str | Path | Recipe, complete: Callable[..., Recipe]) -> Arm:
    if isinstance(arm, Recipe):
        return Arm(arm.name, complete(arm), None)
    path = Path(arm)
    run = as_run(path)
    if run is not None:
        return Arm(path.name, complete(run.recipe), run)
    if mined_at(path, beside=True) is not None:
        return Arm(path.stem, complete(recipe_of(path, "default")), path)
    name = path.stem if path.suffix == ".toml" else str(arm)
    return Arm(name, complete(recipe_of(path, arm)), None)


def _trained_as(first: Training, recipe: Recipe) -> Recipe:
    """The recipe with the trainer's settings of the first arm, but for what says of negatives."""
    train = cast("Training", recipe.train)
    own = {name: getattr(train, name) for name in train.of_negatives if hasattr(first, name)}
    return replace(recipe, train=msgspec.structs.replace(first, **own))


def texts_of(data: Run | Path, collection: Collection) -> Collection:
    """What an arm of its own data is trained with; `collection` has the texts of ids."""
    if isinstance(data, Run):
        return collection_of(data)
    return read_mined_file(data, collection if mined_file(data).layout.by_id else None)[0]


def digest(data: Run | Path | None) -> str:
    """Of the negatives that an arm was given."""
    if data is None:
        return ""
    paths = (
        [data.path / "negatives.parquet"]
        if isinstance(data, Run)
        else [each.path for each in mined_file(data).source.files]
    )
    made = hashlib.blake2b(digest_size=16)
    for file in chain.from_iterable(map(_files, paths)):
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                made.update(block)
    return made.hexdigest()


def _files(path: Path) -> list[Path]:
    """A file, or those of a dataset that was saved as a folder."""
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.rglob("*") if each.is_file())

"""A training by a trainer that does all of it by itself: its folder, its account, its refusals."""

from __future__ import annotations

from typing import Any, Final, cast

from negatives.errors import NegativesError, RecipeError
from negatives.learn.model_files import MINED
from negatives.learn.settings import Training, Whole
from negatives.learn.source import Data, TrainingSource, content_of
from negatives.read import DEV
from negatives.run.account import library_versions
from negatives.store.atomic import write_text
from negatives.store.fingerprints import fingerprints
from negatives.store.lock import NAME as LOCK
from negatives.store.run import RECIPE
from negatives.store.work_folder import WorkFolder

NOBODY: Final = ""
"""In place of a dev split: nobody looks on the way."""


def teach_alone(
    source: TrainingSource, folder: WorkFolder, data: Data, dev: Any, overwrite: bool
) -> None:
    """One training; where it was stopped it is begun anew, and comes to the same.

    `dev`: the name of a split of the same data, perhaps after an @; None: its dev split.
    """
    training = cast("Training", source.recipe.train)
    if dev is not None and not isinstance(dev, str):
        raise RecipeError(
            f"{training.kind} looks at a split of its own data",
            where="--dev",
            fix="--dev valid, the name of the split",
        )
    read = source.read(data)
    names = DEV if dev is None else tuple(filter(None, [dev.rpartition("@")[2]]))
    inputs = {
        "recipe": source.recipe.settings(),
        "data": fingerprints(content_of(read)),
        "dev": list(names),
    }
    path = folder.path
    if overwrite:
        there = {entry.name for entry in path.iterdir()} - {LOCK, folder.account}
        folder.remove(*there, folder.account)
    elif (before := folder.begun(inputs)) and before["status"] == "done":
        return
    write_text(path / RECIPE, source.recipe.to_toml())
    folder.write({"status": "running", "inputs": inputs})
    whole = Whole(
        read=read,
        recipe=source.recipe,
        mine=lambda found: source.mine(found, source.encoder, path / MINED),
        path=path,
        dev=names,
        machine=source.machine,
        emit=source.emit,
    )
    try:
        told = training.teach(whole)
    except NegativesError:
        folder.remove(folder.account, RECIPE)
        raise
    versions = library_versions()
    folder.write({"status": "done", "inputs": inputs, "versions": versions, **told})

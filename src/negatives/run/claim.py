"""Whose a folder is: a run goes on in its own, and writes to nobody else's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from negatives.errors import RunError
from negatives.recipe import Recipe
from negatives.run.account import library_versions
from negatives.run.directory import (
    LEDGER,
    NEGATIVES_FILE,
    RECIPE,
    RELABELLED_FILE,
    WORK,
    differences,
)
from negatives.run.inputs import fingerprints
from negatives.schema import Collection
from negatives.store.lock import NAME as LOCK
from negatives.store.manifest import NAME as MANIFEST
from negatives.store.manifest import Manifest, read_manifest

_OWN = (RECIPE, MANIFEST, "report.json", "report.html", NEGATIVES_FILE, RELABELLED_FILE, LEDGER,
        WORK)  # fmt: skip


def wipe(path: Path) -> None:
    """Remove every file of a run from its folder, and nothing else."""
    for name in _OWN:
        left = path / name
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def refuse_foreign(path: Path) -> None:
    """A folder that holds anything else than a run is never written to."""
    if path.is_file():
        raise RunError("this is a file, not a folder", where=str(path), mend="choose another --out")
    if path.is_dir() and not all((path / name).is_file() for name in (MANIFEST, RECIPE)):
        foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in (*_OWN, LOCK))
        if foreign:
            raise RunError(
                f"the folder is not empty and holds no run: {', '.join(foreign[:5])}",
                where=str(path),
                mend="choose another --out",
            )


def claimed(path: Path, collection: Collection, recipe: Recipe, overwrite: bool) -> Manifest:
    """The manifest to go on with, or a new one; refuses to mix two runs."""
    inputs: dict[str, Any] = {
        "name": collection.name,
        "origin": collection.origin,
        "quarantined": collection.quarantined,
        **fingerprints(collection),
    }
    before = None if overwrite else read_manifest(path)
    if before is not None:
        differing = differences(before.inputs, fingerprints(collection))
        now, then = recipe.settings(), before.inputs.get("recipe", {})
        differing += [f"recipe {key}" for key in differences(then, now)]
        if differing:
            only_pick = set(differing) <= {"recipe pick", "recipe relabel"}
            raise RunError(
                f"the folder holds another run; it differs in: {', '.join(differing)}",
                where=str(path),
                mend="negatives pick RUN applies another picker, or --relabel, to the same ledger"
                if only_pick
                else "choose another --out, or give --overwrite to replace it",
            )
        return before
    wipe(path)
    inputs["recipe"] = recipe.settings()
    return Manifest(versions=library_versions(), inputs=inputs)

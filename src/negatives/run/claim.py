"""Whose a folder is: a run goes on in its own, and writes to nobody else's."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

from msgspec.structs import asdict

from negatives.errors import RunError
from negatives.events import Emit, Warned
from negatives.recipe import Recipe
from negatives.run.account import library_versions
from negatives.run.reviews import REVIEWS
from negatives.schema import Collection
from negatives.store.atomic import TEMPORARY
from negatives.store.facts import Inputs
from negatives.store.fingerprints import fingerprints
from negatives.store.lock import NAME as LOCK
from negatives.store.manifest import NAME as MANIFEST
from negatives.store.manifest import Manifest, decode_manifest
from negatives.store.repair import forget_damaged
from negatives.store.run import (
    GENERATED_FILE,
    LEDGER,
    NEGATIVES_FILE,
    RECIPE,
    RELABELLED_FILE,
    REPORTS,
    WORK,
    differences,
)

_TABLES = (NEGATIVES_FILE, RELABELLED_FILE, GENERATED_FILE)
_OWN = (RECIPE, *REPORTS, *_TABLES, LEDGER, WORK, MANIFEST)
"""What a run's folder holds, but for what people said of it, which is never removed.

The manifest is removed last, for it says that the rest is a run's.
"""


def wipe(path: Path) -> None:
    """Remove every file of a run from its folder, and nothing else."""
    for name in _OWN:
        left = path / name
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def refuse_foreign(path: Path, overwrite: bool) -> None:
    """A folder that holds anything else than a run is never written to.

    Nor is one whose files have the names of a run's, but which has no manifest to say that they
    are, unless it is to be overwritten.
    """
    if not path.is_dir() or _is_run(path):
        return
    found = sorted(
        entry.name
        for entry in path.iterdir()
        if entry.name not in (LOCK, WORK, REVIEWS) and not entry.name.startswith(TEMPORARY)
    )
    foreign = [name for name in found if name not in _OWN]
    if foreign or (found and not overwrite):
        raise RunError(
            f"the folder is not empty and holds no run: {', '.join((foreign or found)[:5])}",
            where=str(path),
            mend="choose another --out"
            if foreign
            else f"choose another --out; or, where this was a run, put its {MANIFEST} back or give "
            "--overwrite to make it anew",
        )


def refuse_file(path: Path) -> None:
    """A file is no folder, and none is made in its place."""
    if path.exists() and not path.is_dir():
        raise RunError("this is a file, not a folder", where=str(path), mend="choose another --out")


def _clear(run: Path, name: str) -> None:
    """Remove what lies in the place of a file of the run; of what a link leads to, only the link.

    The run's own folder may well be a link.
    """
    for place in (*reversed(PurePosixPath(name).parents[:-1]), PurePosixPath(name)):
        if (run / place).is_symlink() or (run / place).is_file():
            (run / place).unlink()


def _is_run(path: Path) -> bool:
    """Whether the manifest is a run's; one that cannot be read is by what lies beside it."""
    with suppress(RunError):
        return decode_manifest(path) is not None
    return any((path / name).exists() for name in (RECIPE, LEDGER))


def claimed(
    path: Path, collection: Collection, recipe: Recipe, overwrite: bool, emit: Emit
) -> Manifest:
    """The manifest to go on with, or a new one; refuses to mix two runs.

    What is damaged is taken out of it, to be made again. Where the manifest itself was changed by
    something else, nothing that it says can be relied on, and the run is made anew.
    """
    data = fingerprints(collection)
    before = None if overwrite else decode_manifest(path)
    if before is not None:
        differing = differences(asdict(before.inputs), data)
        now, then = recipe.settings(), before.inputs.recipe or {}
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
        if before.hash == before.digest():
            if lost := forget_damaged(path, before):
                before.save(path)
            for name, problem in lost.items():
                _clear(path, name)
                emit(Warned(f"{name} {problem}: it is made again"))
            return before
        emit(Warned(f"{MANIFEST} was changed by something else: the run is made anew"))
    wipe(path)
    inputs = Inputs(
        name=collection.name,
        origin=collection.origin,
        quarantined=collection.quarantined,
        beside=collection.beside,
        **data,
        recipe=recipe.settings(),
    )
    return Manifest(versions=library_versions(), inputs=inputs)

"""Whose a run's folder is: a run goes on in its own, mended, and is never mixed with another."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePosixPath

from msgspec.structs import asdict

from negatives.errors import RunError
from negatives.events import Emit, Warned
from negatives.older import without_old
from negatives.recipe import Recipe
from negatives.run.account import library_versions
from negatives.run.reviews import REVIEWS
from negatives.schema import Collection
from negatives.store.facts import Facts, Inputs
from negatives.store.fingerprints import fingerprints, table_called
from negatives.store.manifest import NAME as MANIFEST
from negatives.store.manifest import RUNNING, Manifest, decode_manifest
from negatives.store.named_files import changed, image_files, named_files
from negatives.store.repair import forget_damaged
from negatives.store.run import (
    GENERATED_FILE,
    LEDGER,
    NEGATIVES_FILE,
    RECIPE,
    RELABELLED_FILE,
    REPORTS,
    WORK,
)
from negatives.store.work_folder import WorkFolder, differences


def run_folder(path: Path) -> WorkFolder:
    """The folder of a run. What people said of it is in none of its lists, and never removed."""
    return WorkFolder(
        path=path,
        work="run",
        account=MANIFEST,
        own=(RECIPE, *REPORTS, NEGATIVES_FILE, RELABELLED_FILE, GENERATED_FILE, LEDGER, WORK),
        early=frozenset((WORK, REVIEWS)),
    )


def is_there(path: Path) -> bool:
    """Whether the manifest is a run's; one that cannot be read is by what lies beside it."""
    with suppress(RunError):
        return decode_manifest(path) is not None
    return any((path / name).exists() for name in (RECIPE, LEDGER))


def claimed(
    folder: WorkFolder, collection: Collection, recipe: Recipe, overwrite: bool, emit: Emit
) -> Manifest:
    """The manifest to go on with, or a new one; refuses to mix two runs.

    What is damaged is taken out of it, to be made again. Where the manifest itself was changed by
    something else, nothing that it says can be relied on, and the run is made anew.
    """
    path, data = folder.path, fingerprints(collection)
    named = named_files(recipe.stages) | image_files(collection)
    before = None if overwrite else decode_manifest(path)
    if before is not None:
        differing = [table_called(each) for each in differences(asdict(before.inputs), data)]
        then = without_old(before.inputs.recipe or {})
        differing += [f"recipe {key}" for key in differences(then, recipe.effective())]
        differing += [f"{name}, which has changed" for name in changed(before.facts.named, named)]
        only_pick = set(differing) <= {"recipe pick", "recipe relabel"}
        pick = (
            "negatives pick RUN applies another picker, or --relabel, to the same ledger; or "
            "choose another --out"
        )
        folder.refuse_other(differing, pick if only_pick else "")
        if before.hash == before.digest():
            if lost := forget_damaged(path, before):
                before.save(path)
            for name, problem in lost.items():
                _clear(path, name)
                emit(Warned(f"{name} {problem}: it is made again"))
            if before.status == RUNNING and then != recipe.settings():
                before.inputs.recipe = recipe.settings()  # other words, which recipe.toml will have
                before.save(path)
            return before
        emit(Warned(f"{MANIFEST} was changed by something else: the run is made anew"))
    folder.wipe()
    inputs = Inputs(
        name=collection.name,
        origin=collection.origin,
        quarantined=collection.quarantined,
        read_with=dict(collection.read_with),
        **data,
        recipe=recipe.settings(),
    )
    return Manifest(versions=library_versions(), inputs=inputs, facts=Facts(named=named))


def _clear(run: Path, name: str) -> None:
    """Remove what lies in the place of a file of the run; of what a link leads to, only the link.

    The run's own folder may well be a link.
    """
    for place in (*reversed(PurePosixPath(name).parents[:-1]), PurePosixPath(name)):
        if (run / place).is_symlink() or (run / place).is_file():
            (run / place).unlink()

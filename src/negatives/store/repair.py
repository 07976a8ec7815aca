"""What has happened to a run's folder since it was written, and which command sets it right."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import RecipeError, RunError, nearest_path
from negatives.older import without_old
from negatives.recipe import Recipe, from_settings
from negatives.schema import GENERATED, LEDGER_HEAD, LEDGER_TAIL, NEGATIVES
from negatives.store.facts import Inputs
from negatives.store.lock import holder
from negatives.store.manifest import (
    ANEW,
    DONE,
    PICKING,
    REPORTING,
    RUNNING,
    Manifest,
    read_manifest,
)
from negatives.store.manifest import NAME as MANIFEST

RECIPE: Final = "recipe.toml"
LEDGER: Final = "candidates"
GENERATED_FILE: Final = "generated.parquet"
NEGATIVES_FILE: Final = "negatives.parquet"
RELABELLED_FILE: Final = "relabelled.parquet"
REPORTS: Final = ("report.html", "report.json")
_MINED: Final = re.compile(rf"{LEDGER}/part-\d+\.parquet")
"""A part of the ledger as it was mined; those that judges and people have changed say so."""


def is_run(path: Path) -> bool:
    """Whether a folder is a run's, be it damaged or without its manifest."""
    return (path / MANIFEST).exists() or (path / LEDGER).is_dir()


def no_run(path: Path) -> RunError:
    """The error for a folder that has no manifest."""
    if is_run(path):
        return RunError(
            f"{MANIFEST} is gone, and without it nothing in the folder can be relied on",
            where=str(path),
            fix=f"put it back, or {ANEW}",
        )
    inside = sorted(str(each) for each in path.iterdir() if is_run(each)) if path.is_dir() else []
    if inside:
        fix = f"name one of the runs in it: {', '.join(inside[:5])}"
    else:
        fix = nearest_path(path, "negatives mine DATA --out RUN")
    return RunError("there is no run here", where=str(path), fix=fix)


def damaged(run: Path, manifest: Manifest, name: str, problem: str) -> RunError:
    """The error for a file of a run that is not the one that was written."""
    if owner := holder(run):
        return RunError(
            f"another process is working on this run (process {owner}), and has changed {name}",
            where=str(run),
            fix="wait for it to end, then give this command again",
        )
    with suppress(RunError):
        now = read_manifest(run)
        if now is not None and now.hash != manifest.hash:
            return RunError(
                "the run has been changed since it was opened",
                where=str(run),
                fix="open it again, or give this command again",
            )
    return RunError(f"{name} {problem}", where=str(run / name), fix=remedy(run, manifest.inputs))


def remedy(run: Path, inputs: Inputs, does: str = "makes it again") -> str:
    """The command that makes a run's missing files again, and that it `does` so."""
    plain = f"run the same mine command again: it {does}"
    try:
        whole = recipe_of(run, inputs).to_toml()
        usable = (run / RECIPE).is_file() and (run / RECIPE).read_text("utf-8") == whole
    except (OSError, UnicodeDecodeError, RecipeError, RunError):
        usable = False
    if not usable:
        return plain
    recipe = shlex.quote(str(run / RECIPE))
    if not inputs.origin:
        return (
            f"call mine again with the same collection and recipe={str(run / RECIPE)!r}: it {does}"
        )
    out = shlex.quote(str(run))
    return f"negatives mine {inputs.arguments} --recipe {recipe} --out {out}   {does}"


def recipe_of(run: Path, inputs: Inputs) -> Recipe:
    """The recipe that a run was made by: the manifest's, of which recipe.toml is a copy to read."""
    if inputs.recipe is None:
        raise RunError(
            "the manifest has no recipe",
            where=str(run),
            fix=ANEW,
        )
    return from_settings(without_old(inputs.recipe), str(run / RECIPE))


def odd_columns(run: Path, name: str) -> str:
    """Why a table has not the columns that a table of this name has; empty where it has them."""
    tables = {NEGATIVES_FILE: NEGATIVES, GENERATED_FILE: GENERATED}
    wanted = tables.get(name, {**LEDGER_HEAD, **LEDGER_TAIL})
    if name == RELABELLED_FILE:
        return ""
    there = pl.scan_parquet(run / name, glob=False).collect_schema()
    odd = [column for column, dtype in wanted.items() if there.get(column) != dtype]
    return f"has no column {odd[0]} of type {wanted[odd[0]]}" if odd else ""


_REVISED: Final = "was changed after mining, by a judge or verdicts: they are to be given again"


def forget_damaged(run: Path, manifest: Manifest) -> dict[str, str]:
    """Take files that are not what was written out of the manifest; name -> what is wrong.

    The status becomes that of a run which has never made them. A ledger that a costly judge, or
    verdicts of people, have changed is made again as a whole, as it was mined: of such a one no
    part can be made alone. Scores and verdicts are kept elsewhere, and can be brought in again.
    """
    lost = {
        name: problem
        for name in manifest.files
        if (problem := manifest.changed(run, name))
        or (name.endswith(".parquet") and (problem := odd_columns(run, name)))
    }
    ledger = [name for name in manifest.files if name.startswith(f"{LEDGER}/")]
    picked = NEGATIVES_FILE in lost or RELABELLED_FILE in lost
    if any(name in lost for name in (*ledger, GENERATED_FILE)):
        manifest.status = RUNNING
        picked = True
        if not all(_MINED.fullmatch(name) for name in ledger):
            lost |= {name: _REVISED for name in ledger if name not in lost}
            manifest.facts.cascade, manifest.facts.reviewed = None, ""
            manifest.notes.cascade = manifest.notes.review = None
    elif picked:
        manifest.status = PICKING
    elif lost and manifest.status == DONE:
        manifest.status = REPORTING
    gone = [
        *lost,
        *((GENERATED_FILE,) if manifest.status == RUNNING else ()),
        *((NEGATIVES_FILE, RELABELLED_FILE, *REPORTS) if picked else ()),
    ]
    for name in gone:
        manifest.files.pop(name, None)
    return lost

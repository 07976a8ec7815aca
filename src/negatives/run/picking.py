"""The last pass, which can be made again alone: pick among the ledger's parts.

It leaves a run that lacks nothing but its report, which the caller writes.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Unpack

import polars as pl

from negatives.engine import Mapper
from negatives.events import Emit, silent
from negatives.recipe import Recipe
from negatives.run.account import Account
from negatives.run.engine import SharedOut, shared_out
from negatives.run.inputs import collection_of
from negatives.run.opened import COLLECTION
from negatives.run.parts import Part, over_parts, write_frame
from negatives.run.relabel import Relabelled, relabel_parts
from negatives.run.shards import columns_to_pick_by, pick_shard
from negatives.run.shortfall import by_cause, explain
from negatives.schema import Collection
from negatives.stage import Picker
from negatives.store.atomic import writing
from negatives.store.ledger import blocks
from negatives.store.lock import locked
from negatives.store.run import (
    LEDGER,
    NEGATIVES_FILE,
    RELABELLED_FILE,
    WORK,
    Run,
)


def repick(
    run: Run,
    pick: Picker,
    *,
    relabel: float | None = None,
    emit: Emit = silent,
    **shared: Unpack[SharedOut],
) -> None:
    """Apply another picker, or relabelling, to a finished run's ledger, in place.

    `threads`, `engine`, `workers` and `address` are as for `mine`.
    """
    with shared_out((pick,), **shared) as mapper:
        pick_again(run, mapper, pick, relabel=relabel, emit=emit)


def pick_again(
    run: Run, engine: Mapper, pick: Picker, *, relabel: float | None = None, emit: Emit = silent
) -> None:
    """As `repick`, by an engine that has been started."""
    with locked(run.path):
        run = run.reopened()  # as it is, now that nobody else writes
        recipe = run.recipe.with_pick(pick)
        recipe.refuse_unnamed()
        if relabel is not None:
            recipe = replace(recipe, relabel=relabel)
        account = Account(run.path, run.manifest, emit)
        collection = collection_of(run) if recipe.relabel else None
        finish(account, recipe, run.parts, collection, engine)


def finish(
    account: Account,
    recipe: Recipe,
    parts: list[Path],
    collection: Collection | None,
    engine: Mapper,
) -> None:
    """Pick among the ledger's parts, and leave nothing behind.

    All that depends on the picking enters the manifest in one write: a run that is killed on the
    way has a ledger and nothing else. The texts are needed only where the recipe relabels.
    """
    try:
        pick_parts(account, recipe, parts, collection, engine)
    finally:
        for folder in (f"{WORK}/picked", f"{WORK}/relabelled", COLLECTION):
            shutil.rmtree(account.run / folder, ignore_errors=True)
        with suppress(OSError):
            (account.run / WORK).rmdir()
    for path in (account.run / LEDGER).glob("part-*.parquet"):
        if path.relative_to(account.run).as_posix() not in account.manifest.files:
            path.unlink()  # of a ledger that another has taken the place of


def pick_parts(
    account: Account,
    recipe: Recipe,
    parts: list[Path],
    collection: Collection | None,
    engine: Mapper,
) -> None:
    """Negatives of every ledger part, joined into one file; counts and shortfall into the facts.

    A picker that looks at the whole ledger first (`Picker.tuned`: a price) does that here, once;
    picking from a part, by the picker that comes of it, is a pass.
    """
    folder = account.run / WORK / "picked"
    shutil.rmtree(folder, ignore_errors=True)
    short: list[pl.DataFrame] = []
    target = account.run / NEGATIVES_FILE
    ledger, new = parts, None
    facts, counts = account.manifest.facts, account.manifest.counts
    account.manifest.stages.pop("relabel", None)
    before = (UNKNOWN, facts.warned_in_picking)  # of an earlier picking
    account.manifest.warnings[:] = [
        text for text in account.manifest.warnings if text not in before
    ]
    if recipe.relabel and collection is not None:
        with account.stage("relabel") as relabelling:
            new = relabel_parts(account, engine, recipe, ledger, collection)
            relabelling.rows = new.found.pairs + new.found.copies
        if not new.found.known:
            account.warn(UNKNOWN)
        parts = new.left
    account.manifest.stages.pop("pick", None)
    with account.stage("pick") as stage:
        picker, found = recipe.pick.tuned(parts, account.manifest.notes.basis)
        facts.tuning = {key: value for key, value in found.items() if key != "warning"}
        facts.warned_in_picking = found.get("warning", "")
        if facts.warned_in_picking:
            account.warn(facts.warned_in_picking)
        one = partial(
            _pick, picker, recipe.seed, facts.reference, counts.documents, folder.absolute()
        )
        picked = []
        for path, rows, lacking in over_parts(
            account, engine, one, parts, stage="pick", do="pick from"
        ):
            picked.append(path)
            short.append(lacking)
            stage.rows += rows
        account.begin_picking()
        _enter(account, new, recipe.relabel)
        with writing(target) as temporary:
            pl.scan_parquet(picked, glob=False).sink_parquet(temporary, compression="zstd")
        account.manifest.enter(account.run, target, stage.rows)
    verdicts = (
        pl.scan_parquet(ledger, glob=False).group_by("verdict").len().collect(engine="streaming")
    )
    counts.verdicts = dict(sorted(verdicts.iter_rows()))
    counts.candidates = sum(counts.verdicts.values())
    counts.asked, counts.negatives = counts.queries * recipe.pick.per_query, stage.rows
    facts.shortfall = explain(pl.concat(short), recipe)
    account.manifest.inputs.recipe = recipe.settings()
    account.picked()


def _pick(
    picker: Picker, seed: int, reference: str, documents: int, folder: Path, part: Part
) -> tuple[Path, int, pl.DataFrame]:
    """A pass: the file of what was picked from a part, its rows, and why queries are short."""
    number, ledger = part
    columns = columns_to_pick_by(picker, reference)
    found = [
        pick_shard(picker, seed, reference, documents, block) for block in blocks(ledger, columns)
    ]
    negatives, lacking = (pl.concat(frames) for frames in zip(*found, strict=True))
    path = folder / f"part-{number:05d}.parquet"
    write_frame(path, negatives)
    return path, len(negatives), by_cause(lacking)


UNKNOWN: Final = "nothing is relabelled, for p_relevant is not known: add an [estimate] stage"


def _enter(account: Account, new: Relabelled | None, precision: float) -> None:
    """Put what was relabelled into the run, in the place of what was before; or nothing."""
    target = account.run / RELABELLED_FILE
    account.manifest.counts.relabelled, account.manifest.facts.relabelled = 0, None
    if new is None:
        target.unlink(missing_ok=True)
        return
    with writing(target) as temporary:
        pl.scan_parquet(new.frames, glob=False).sink_parquet(temporary, compression="zstd")
    account.manifest.counts.relabelled = new.found.pairs
    account.manifest.facts.relabelled = new.found.facts(precision)
    account.manifest.enter(account.run, target, new.found.pairs + new.found.copies)

"""The last pass, which can be made again alone: pick among the ledger's parts, and report."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from negatives.events import Emit, Progress, silent
from negatives.recipe import Recipe
from negatives.run.account import Account
from negatives.run.directory import NEGATIVES_FILE, RECIPE, WORK, Run
from negatives.run.shards import pick_shard
from negatives.run.shortfall import explain
from negatives.stage import Picker
from negatives.store.atomic import write_text, writing
from negatives.store.lock import locked
from negatives.store.manifest import read_manifest


def repick(run: Run, pick: Picker, *, emit: Emit = silent) -> None:
    """Apply another picker to a finished run's ledger, in place."""
    recipe = run.recipe.with_pick(pick)
    with locked(run.path):
        manifest = read_manifest(run.path) or run.manifest
        account = Account(run.path, manifest, emit)
        pick_parts(account, recipe, run.parts)
        write_text(run.path / RECIPE, recipe.to_toml())
        manifest.inputs["recipe"] = recipe.settings()
        account.finish()
        report(Run(run.path, collection=run._collection), account)


def pick_parts(account: Account, recipe: Recipe, parts: list[Path]) -> None:
    """Negatives of every ledger part, joined into one file; counts and shortfall into the facts."""
    folder = account.run / WORK / "picked"
    shutil.rmtree(folder, ignore_errors=True)
    short: list[pl.DataFrame] = []
    counts: list[pl.DataFrame] = []
    target = account.run / NEGATIVES_FILE
    reference = str(account.manifest.facts.get("reference", ""))
    documents = account.manifest.counts["documents"]
    account.manifest.stages.pop("pick", None)
    with account.stage("pick") as stage:
        picker, found = recipe.pick.tuned(parts)
        account.fact("tuning", {key: value for key, value in found.items() if key != "warning"})
        if "warning" in found:
            account.warn(found["warning"])
        picked = []
        for number, path in enumerate(parts):
            part = pl.read_parquet(path)
            negatives, lacking = pick_shard(picker, recipe.seed, reference, documents, part)
            picked.append(folder / f"part-{number:05d}.parquet")
            write_frame(picked[-1], negatives)
            short.append(lacking)
            counts.append(part.group_by("verdict").len())
            stage.rows += len(negatives)
            account.emit(Progress("pick", number + 1, len(parts), "parts"))
        account.forget(target)
        with writing(target) as temporary:
            pl.scan_parquet(picked).sink_parquet(temporary, compression="zstd")
        account.enter(target, stage.rows)
    shutil.rmtree(folder, ignore_errors=True)
    verdicts = pl.concat(counts).group_by("verdict").agg(pl.col("len").sum())
    by_verdict = dict(sorted(verdicts.iter_rows()))
    queries = account.manifest.counts["queries"]
    account.manifest.counts |= {
        "candidates": sum(by_verdict.values()),
        "asked": queries * recipe.pick.per_query,
        "negatives": stage.rows,
        **{f"verdict {verdict}": count for verdict, count in by_verdict.items()},
    }
    account.fact("shortfall", explain(pl.concat(short), recipe))


def report(run: Run, account: Account) -> None:
    """Write the reports of a finished run."""
    write: Any = importlib.import_module("negatives.show").write_report
    write(run)
    account.emit(Progress("report", 1, 1, "reports"))


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame as Parquet, atomically."""
    with writing(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", statistics=True)

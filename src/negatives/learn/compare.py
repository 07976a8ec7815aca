"""compare: the same training with different negatives, and whether the difference is one.

Every arm starts from the same model and has the same steps, batch size and trainer's settings; only
negatives, and what the recipe itself says of loss and batches, differ. Each is trained once a seed
and judged on all queries of a split that is not trained with.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import numpy as np
import polars as pl

from negatives.card import Card, Showing
from negatives.errors import InputError, NegativesError
from negatives.events import Emit, Progress, Warned, silent
from negatives.learn.arms import NONE, Arm, arms_of, digest, negatives_of, texts_of
from negatives.learn.base_models import weights_of
from negatives.learn.dev import overlap
from negatives.learn.request import completed
from negatives.learn.settings import Training
from negatives.learn.source import Data, beside, mined_run
from negatives.learn.train import open_base, train
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.measure.evaluation import evaluate
from negatives.measure.significance import compare as compare_queries
from negatives.measure.significance import holm, seed_spread
from negatives.read import DEV, NEW_SPLIT, as_collection, load, splits
from negatives.read.mined.rows import mined_file
from negatives.read.quarantine import Quarantine, as_quarantine
from negatives.recipe import Recipe
from negatives.schema import Collection
from negatives.secrets import refuse_secrets
from negatives.show.comparison import comparison_card
from negatives.stage import refuse_unmet
from negatives.stats.bootstrap import interval
from negatives.store.atomic import file_hash, write_json, writing
from negatives.store.fingerprints import fingerprints, refuse_unlabelled
from negatives.store.lock import locked
from negatives.store.work_folder import WorkFolder

METRICS: Final = ("nDCG@10", "RR@10", "R@100")
FIGURES: Final = "compare.json"
ARMS: Final = "arms"


def comparison_folder(path: Path) -> WorkFolder:
    """The folder of a comparison: its plan is the account, and names the tables of figures."""
    return WorkFolder(
        path=path,
        work="comparison",
        account="plan.json",
        own=(ARMS, FIGURES, "compare.html"),
        replaced="choose another --out",
    )


@dataclass(frozen=True, repr=False)
class Compared(Showing):
    """What came of it: `figures` (plain values), and per_query frames by arm, one a seed."""

    figures: dict[str, Any]
    per_query: dict[str, list[pl.DataFrame]]

    def __repr__(self) -> str:
        metric, rows = next(iter(self.figures["metrics"].items()))
        told = ", ".join(f"{row['arm']} {row['mean']:.4f}" for row in rows)
        return f"Compared({metric} on {self.figures['on']!r}: {told})"

    def card(self) -> Card:
        """What it says to a person: an arm a line."""
        return comparison_card(self.figures)


@watched
def compare(
    data: Collection | str | Path,
    arms: Sequence[str | Path | Recipe],
    out: str | Path,
    *,
    on: Any = None,
    model: str = "static",
    kind: str = "",
    changes: Sequence[str] = (),
    control: str = NONE,
    encoder: str | None = None,
    seeds: int = 5,
    metrics: Sequence[str] = METRICS,
    keep_models: bool = False,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    quarantine: str | Path | Quarantine | None = None,
    emit: Emit = shown,
) -> Compared:
    """Train `model` with the negatives of every arm, `seeds` times each, and judge them on `on`.

    An arm is a recipe (a name, a .toml file, a `Recipe`), a run directory, or a file of mined
    negatives; `control` "none" adds one without mined negatives. The first arm is what the others
    are tested against: paired randomisation over queries, p-values corrected for their number
    (Holm). `changes` are `PATH=VALUE` texts for all arms (train.steps=400). `on`: DATA@dev where
    it is not named; its queries that are trained with are left out. `quarantine`: a file in which
    bad rows of both are set aside. `out` keeps the figures, and
    goes on where it was stopped.
    """
    machine = Machine.checked(threads, memory, device)
    if seeds < 1:
        raise InputError("no seed is left to train with", fix="--seeds 3, say")
    refuse_secrets(model, encoder or "")
    aside = as_quarantine(quarantine)
    collection = as_collection(data, quarantine=aside)
    refuse_unlabelled(collection)
    judged = _judged(collection, on, aside)
    complete = partial(completed, model=model, kind=kind, changes=changes, emit=emit)
    chosen = arms_of(arms, control, complete)
    own = [texts_of(arm.data, collection) for arm in chosen if arm.data is not None]
    trained = [collection, *own]
    for each in trained:
        refuse_unmet((cast("Training", chosen[0].recipe.train),), each)
    shared = np.unique(np.concatenate([overlap(each, judged) for each in trained]))
    folder = comparison_folder(Path(out))
    folder.refuse_foreign()
    work = _Comparing(
        folder=folder,
        collection=collection,
        judged=_without(judged, shared),
        model=model,
        encoder=encoder or model,
        seeds=seeds,
        metrics=tuple(metrics),
        keep_models=keep_models,
        machine=machine,
        emit=emit,
    )
    with locked(folder.path):
        try:
            return work.carry_out(chosen, len(shared))
        except NegativesError:
            if not (folder.path / ARMS).exists():
                folder.wipe()  # nothing was mined or trained: nothing is left
            raise


@dataclass(frozen=True)
class _Comparing:
    """One call of `compare`."""

    folder: WorkFolder
    collection: Collection
    judged: Collection
    model: str
    encoder: str
    seeds: int
    metrics: tuple[str, ...]
    keep_models: bool
    machine: Machine
    emit: Emit

    def carry_out(self, arms: list[Arm], left_out: int) -> Compared:
        inputs = self._inputs(arms)
        plan = self.folder.begun(inputs) or {"inputs": inputs, "trainings": {}}
        plan["status"] = "running"
        self.folder.write(plan)
        if left_out:
            text = f"{left_out} queries are trained with, and left out of the comparison"
            self.emit(Warned(text))
        arms = [self._equal_steps(arm) for arm in arms]
        done, total = 0, len(arms) * self.seeds
        found: dict[str, list[pl.DataFrame]] = {}
        costs: dict[str, dict[str, Any]] = {}
        negatives: dict[str, dict[str, Any] | None] = {}
        for arm in arms:
            ready, mining = self._ready(arm)
            negatives[arm.name] = negatives_of(ready)
            trainings = []
            for seed in range(self.seeds):
                trainings.append(self._one(ready, seed, plan))
                done += 1
                self.emit(Progress("compare", done, total, "trainings"))
            found[arm.name] = [frame for frame, _ in trainings]
            costs[arm.name] = _cost(mining, [account for _, account in trainings])
        figures = {
            "data": f"{self.collection.name}@{self.collection.split}",
            "on": f"{self.judged.name}@{self.judged.split}",
            "queries": len(next(iter(found.values()))[0]),
            "left_out": left_out,
            "model": self.model,
            "seeds": self.seeds,
            "settings": arms[0].recipe.settings()["train"],
            "against": arms[0].name,
            "metrics": {name: self._tested(found, name) for name in self.metrics},
            "negatives": negatives,
            "costs": costs,
        }
        write_json(self.folder.path / FIGURES, figures)
        plan["status"] = "done"
        self.folder.write(plan)
        return Compared(figures, found)

    def _inputs(self, arms: list[Arm]) -> dict[str, Any]:
        """What the figures depend on."""
        settings = cast("Training", arms[0].recipe.train)
        base = open_base(settings, self.model, 0, self.machine)
        return {
            "data": fingerprints(self.collection),
            "on": fingerprints(self.judged),
            "model": self.model,
            "weights": weights_of(base),
            "encoder": self.encoder,
            "metrics": list(self.metrics),
            "arms": {
                arm.name: {**arm.recipe.settings(), "seed": None, "given": digest(arm.data)}
                for arm in arms
            },
        }

    def _equal_steps(self, arm: Arm) -> Arm:
        """As many batches for every arm: what its epochs have, if all batches were full."""
        settings = cast("Training", arm.recipe.train)
        if settings.steps:
            return arm
        examples = len(self.collection.positives)
        steps = max(1, round(settings.epochs * examples / settings.batch_size))
        settings = msgspec.structs.replace(settings, steps=steps)
        return replace(arm, recipe=replace(arm.recipe, train=settings))

    def _place(self, arm: Arm) -> Path:
        return self.folder.path / ARMS / arm.name

    def _ready(self, arm: Arm) -> tuple[Arm, float]:
        """The arm with its negatives mined, and the seconds that took."""
        if arm.data is not None or not arm.mined or not arm.recipe.mines:
            return arm, 0.0
        began = time.perf_counter()
        out = self._place(arm) / "run"
        run = mined_run(self.collection, out, arm.recipe, self.encoder, self.machine, self.emit)
        spent = sum(entry.seconds for entry in run.manifest.stages.values())
        return replace(arm, data=run), spent or time.perf_counter() - began

    def _one(
        self, arm: Arm, seed: int, plan: dict[str, Any]
    ) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Per-query figures of one training, and what the plan says of it."""
        out = self._place(arm) / f"seed-{seed}"
        table = out.with_name(f"{out.name}.parquet")
        name = table.relative_to(self.folder.path).as_posix()
        done = plan["trainings"].get(name)
        if done is not None:
            if table.is_file() and file_hash(table) == done["hash"]:
                return pl.read_parquet(table, glob=False), done
            self.emit(Warned(f"{name} is not what was written: it is made again"))
        data: Data = arm.data or self.collection
        if isinstance(data, Path) and mined_file(data).layout.by_id:
            data = beside(data, self.collection, arm.recipe)
        made = train(
            data,
            out,
            model=self.model,
            recipe=arm.recipe,
            mined=arm.mined,
            look=False,
            seed=seed,
            **asdict(self.machine),
            emit=self.emit,
        )
        frame = evaluate(
            str(out), self.judged, metrics=self.metrics, **asdict(self.machine), emit=silent
        ).per_query
        with writing(table) as temporary:
            frame.write_parquet(temporary)
        done = {key: made.account[key] for key in ("seconds", "steps", "examples", "device")}
        done["hash"] = file_hash(table)
        plan["trainings"][name] = done
        self.folder.write(plan)
        if not self.keep_models:
            shutil.rmtree(out)
        return frame, done

    def _tested(self, found: dict[str, list[pl.DataFrame]], metric: str) -> list[dict[str, Any]]:
        """A row for each arm: its mean, interval and seeds, and its test against the first."""
        first, *others = found
        tests = {
            name: compare_queries(found[name], found[first], metric).as_dict() for name in others
        }
        corrected = dict(zip(tests, holm([test["p"] for test in tests.values()]), strict=True))
        rows = []
        for name, frames in found.items():
            means = pl.concat([frame.select("query_id", metric) for frame in frames])
            values = means.group_by("query_id").agg(pl.col(metric).mean()).sort("query_id")[metric]
            spread = interval(values.to_numpy())
            row = {
                "arm": name,
                "mean": spread.value,
                "low": spread.low,
                "high": spread.high,
                "by_seed": [float(frame[metric].mean()) for frame in frames],  # type: ignore[arg-type]
                "seeds": seed_spread(frames, metric),
            }
            if name in tests:
                row["against_first"] = tests[name] | {"p_holm": corrected[name]}
            rows.append(row)
        return rows


def _judged(train: Collection, on: Any, aside: Quarantine | None) -> Collection:
    if on is not None:
        return as_collection(on, quarantine=aside, lost="count")
    origin = train.origin.partition("@")[0]
    there = splits(origin) if origin else []
    if not {*DEV} & {*there}:
        raise InputError(
            "there is no dev split to judge the arms on"
            + (f" (there are {', '.join(there)})" if there else ""),
            where=train.origin or train.name,
            fix=f"{NEW_SPLIT}; or name one with --on",
        )
    return load(f"{origin}@dev", quarantine=aside, lost="count", **train.read_with)


def _without(collection: Collection, rows: Any) -> Collection:
    ids = collection.queries["query_id"].gather(rows).implode()
    return replace(collection, qrels=collection.qrels.filter(~pl.col("query_id").is_in(ids)))


def _cost(mining: float, accounts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    seconds = [account["seconds"] for account in accounts if account["seconds"] is not None]
    return {
        "mining_seconds": round(mining, 1),
        "training_seconds": round(sum(seconds) / max(1, len(seconds)), 1),
        "steps": accounts[0]["steps"],
        "device": accounts[0]["device"],
    }

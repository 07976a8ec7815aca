"""Equal trainings of several arms: each mined once, trained once a seed, judged by query, kept.

What `compare` and `bench` do with an arm. The plan of the folder, its account, names every table
of figures that is done, with its hash: a training is done once, however often work is stopped.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import polars as pl

from negatives.events import Emit, Heard, Progress, Warned, silent
from negatives.learn.arms import Arm, digest, negatives_of
from negatives.learn.base_models import weights_of
from negatives.learn.fitting import fitting_base
from negatives.learn.rounds import trainings
from negatives.learn.settings import Training
from negatives.learn.source import Data, beside, mined_run, refuse_without_others
from negatives.learn.train import train
from negatives.machine import Machine
from negatives.measure.elsewhere import WithoutKnown
from negatives.measure.evaluation import evaluate
from negatives.measure.significance import compare as compare_queries
from negatives.measure.significance import holm, seed_spread
from negatives.read.mined.rows import mined_file
from negatives.schema import Collection
from negatives.stats.bootstrap import interval
from negatives.store.atomic import file_hash, writing
from negatives.store.fingerprints import fingerprints
from negatives.store.work_folder import WorkFolder

ARMS: Final = "arms"
RERANKED: Final = 100
"""Documents of each query that a reranker is judged by: the best of the encoder that mines."""


@dataclass(frozen=True)
class Measured:
    """What came of one arm: its figures by query, a frame a seed, its negatives and its cost.

    `notes`: what its trainings warned of, each once.
    """

    frames: list[pl.DataFrame]
    negatives: dict[str, Any] | None
    cost: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trainings:
    """Trainings in `folder` of arms that share data, model, seeds, metrics and machine."""

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

    def begun(self, more: Mapping[str, Any], arms: Sequence[Arm]) -> dict[str, Any]:
        """The plan of the folder, made from the same inputs and `more`; a new one if there is none.

        Raises `InputError` for what some of the `arms` could only fail by later, `RunError` where
        the folder holds other trainings: it says what differs.
        """
        base = fitting_base(
            arms,
            self.collection,
            self.judged,
            model=self.model,
            encoder=self.encoder,
            machine=self.machine,
        )
        inputs = {
            "data": fingerprints(self.collection),
            "on": fingerprints(self.judged),
            "model": self.model,
            "weights": weights_of(base),
            "encoder": self.encoder,
            "metrics": list(self.metrics),
            **({"reranked": RERANKED} if any(map(_reranks, arms)) else {}),
            **more,
        }
        plan = self.folder.begun(inputs) or {"inputs": inputs, "trainings": {}}
        plan["status"] = "running"
        self.folder.write(plan)
        return plan

    def of_arm(self, arm: Arm) -> dict[str, Any]:
        """What the figures of an arm depend on, besides what all arms share."""
        return {**arm.recipe.does(), "given": digest(arm.data)}

    def measured(self, arm: Arm, plan: dict[str, Any], done: int = 0, total: int = 0) -> Measured:
        """Mine for an arm, train it once a seed, and judge it; `done` trainings of `total` are."""
        arm = self._equal_steps(arm)
        ready, mining = self._ready(arm)
        done_ones = []
        for seed in range(self.seeds):
            done_ones.append(self._one(ready, seed, plan))
            self.emit(Progress("compare", done + seed + 1, total or self.seeds, "trainings"))
        frames = [frame for frame, _ in done_ones]
        accounts = [account for _, account in done_ones]
        notes = dict.fromkeys(note for each in accounts for note in each.get("notes", ()))
        return Measured(frames, negatives_of(ready), _cost(mining, accounts), tuple(notes))

    def figures(
        self, measured: Mapping[str, Measured], first: Arm, left_out: int
    ) -> dict[str, Any]:
        """All arms in plain values, each tested against `first`."""
        found = {name: each.frames for name, each in measured.items()}
        return {
            "data": f"{self.collection.name}@{self.collection.split}",
            "on": f"{self.judged.name}@{self.judged.split}",
            "queries": len(found[first.name][0]),
            "left_out": left_out,
            "model": self.model,
            "seeds": self.seeds,
            "settings": self._equal_steps(first).recipe.settings()["train"],
            "against": first.name,
            **self._reranked(first),
            "metrics": {name: tested(found, first.name, name) for name in self.metrics},
            "negatives": {name: each.negatives for name, each in measured.items()},
            "costs": {name: each.cost for name, each in measured.items()},
        }

    def _equal_steps(self, arm: Arm) -> Arm:
        """As many batches for every arm: what its epochs have, if all batches were full.

        Where an arm has rounds, they share these batches, and the seconds of a training.
        """
        settings = cast("Training", arm.recipe.train)
        rounds = trainings(arm.recipe)
        if settings.steps and rounds == 1:
            return arm
        examples = len(self.collection.positives)
        whole = settings.steps or round(settings.epochs * examples / settings.batch_size)
        steps = max(1, whole // rounds)
        seconds = settings.seconds and max(1, settings.seconds // rounds)
        settings = msgspec.structs.replace(settings, steps=steps, seconds=seconds)
        return replace(arm, recipe=replace(arm.recipe, train=settings))

    def _place(self, arm: Arm) -> Path:
        return self.folder.path / ARMS / arm.name

    def _ready(self, arm: Arm) -> tuple[Arm, float]:
        """The arm with its negatives mined, and the seconds that took."""
        if arm.data is not None or not arm.mines or arm.recipe.round:
            return arm, 0.0  # rounds mine as they go
        if not arm.recipe.make:
            refuse_without_others(self.collection)
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
        heard = Heard(self.emit)
        reads = any(source.encodes for source in arm.recipe.find)  # else it judges alone, if at all
        made = train(
            data,
            out,
            model=self.model,
            recipe=arm.recipe,
            encoder=self.encoder if reads else None,
            mined=arm.mined,
            look=False,
            seed=seed,
            **asdict(self.machine),
            emit=heard,
        )
        frame = self._judge(str(out), self.encoder if _reranks(arm) else None)
        with writing(table) as temporary:
            frame.write_parquet(temporary)
        done = {key: made.account[key] for key in ("seconds", "steps", "examples", "device")}
        if heard.warnings:
            done["notes"] = heard.warnings
        done["hash"] = file_hash(table)
        plan["trainings"][name] = done
        self.folder.write(plan)
        if not self.keep_models:
            shutil.rmtree(out)
        return frame, done

    def _judge(self, model: str, rerank: str | None = None) -> pl.DataFrame:
        """Per-query figures of a model; of a reranker, on what `rerank` finds."""
        by_id = self.judged.identity == "id"
        return evaluate(
            model,
            self.judged,
            metrics=self.metrics,
            rerank=rerank,
            top=RERANKED,
            protocols=[WithoutKnown((self.collection,))] if by_id else [],
            **asdict(self.machine),
            emit=silent,
        ).per_query

    def _reranked(self, arm: Arm) -> dict[str, Any]:
        """What the arms put in order, and how good that was as it came; nothing of encoders."""
        if not _reranks(arm):
            return {}
        found = self._judge(self.encoder).select(self.metrics).mean().row(0, named=True)
        return {"reranked": {"of": self.encoder, "top": RERANKED, "as found": found}}


def _reranks(arm: Arm) -> bool:
    return cast("Training", arm.recipe.train).reranks


def tested(
    found: Mapping[str, list[pl.DataFrame]], first: str, metric: str
) -> list[dict[str, Any]]:
    """A row for each arm: its mean, interval and seeds, and its test against the first."""
    tests = {
        name: compare_queries(frames, found[first], metric).as_dict()
        for name, frames in found.items()
        if name != first
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


def _cost(mining: float, accounts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    seconds = [account["seconds"] for account in accounts if account["seconds"] is not None]
    return {
        "mining_seconds": round(mining, 1),
        "training_seconds": round(sum(seconds) / max(1, len(seconds)), 1),
        "steps": accounts[0]["steps"],
        "device": accounts[0]["device"],
    }

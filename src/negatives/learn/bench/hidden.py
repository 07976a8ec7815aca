"""Recipes measured by what they mine: half of the positives hidden, and counted among negatives."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import polars as pl

from negatives.errors import WorkError
from negatives.events import silent
from negatives.learn.bench import their_miner
from negatives.learn.bench.applies import lacking
from negatives.learn.bench.choice import AGAINST, baselines
from negatives.learn.bench.their_miner import NAME, SETTINGS, by_id, mined_pairs
from negatives.learn.source import mined_run
from negatives.learn.vectors import Vectors
from negatives.machine import Machine
from negatives.measure.hidden import PAIR, delivered, half, summed
from negatives.measure.significance import compare as compare_queries
from negatives.measure.significance import holm
from negatives.recipe import Recipe
from negatives.recipe_changes import override
from negatives.recipe_states import FALSE_SHARE
from negatives.schema import Collection, Floats
from negatives.store.atomic import file_hash, writing
from negatives.store.fingerprints import fingerprints
from negatives.store.scratch import scratch_folder
from negatives.store.work_folder import WorkFolder

METRIC: Final = FALSE_SHARE
_FALSE: Final = "false_of_asked"


@dataclass(frozen=True)
class Hiding:
    """One hiding of the positives, with the vectors that hardness is measured by, where there are
    texts.
    """

    visible: Collection
    hidden: pl.DataFrame
    vectors: tuple[Floats, Floats] | None


@dataclass(frozen=True)
class Minings:
    """Minings in `folder` of one collection, `seeds` hidings of it for each recipe."""

    folder: WorkFolder
    collection: Collection
    encoder: str
    seeds: int
    per_query: int
    machine: Machine

    def plan(self) -> dict[str, Any]:
        """The account of the folder; `RunError` where it holds something else."""
        inputs = {
            "measure": METRIC,
            "data": fingerprints(self.collection),
            "encoder": self.encoder,
            "per_query": self.per_query,
        }
        return self.folder.begun(inputs) or {
            "inputs": inputs,
            "status": "running",
            "trainings": {},
        }

    def arms(self, recipes: list[Recipe]) -> dict[str, Recipe | None]:
        """The recipes with the baselines before them; None is the miner that is no recipe."""
        named: dict[str, Recipe | None] = {
            each.name: each for each in baselines(self.per_query, self.collection, self.encoder)
        }
        if not their_miner.lacking(self.collection):
            named[NAME] = None
        return named | {each.name: each for each in recipes}

    def made_from(self, arm: Recipe | None) -> dict[str, Any]:
        """What the figures of an arm depend on, besides what all share."""
        return SETTINGS if arm is None else arm.does()

    def lacking(self, recipe: Recipe) -> str:
        """Why a recipe cannot be measured in this way here; empty: it can."""
        if any(each.generates == "queries" for each in recipe.make):
            return "writes queries of its own, which have no positives that could be hidden"
        if recipe.trains:
            return "says how a model is trained: it is measured by training"
        return lacking(recipe, self.collection, self.encoder)

    @cached_property
    def hidings(self) -> list[Hiding]:
        """All of them; the texts are encoded once."""
        parted = [half(self.collection, seed) for seed in range(self.seeds)]
        if not all(self.collection.has(side, "text") for side in ("queries", "docs")):
            return [Hiding(*each, None) for each in parted]
        with scratch_folder() as scratch:
            vectors = Vectors(
                self.encoder, self.collection, scratch, machine=self.machine, emit=silent
            )
            both = vectors.all_queries(), vectors.all_docs()
        return [Hiding(*each, both) for each in parted]

    def measured(self, name: str, arm: Recipe | None, plan: dict[str, Any]) -> list[pl.DataFrame]:
        """A frame of counts by query for each hiding."""
        return [self._one(name, arm, seed, plan) for seed in range(self.seeds)]

    def figures(
        self, found: Mapping[str, list[pl.DataFrame]], plan: dict[str, Any]
    ) -> dict[str, Any]:
        """All that was measured in plain values."""
        return {
            "measure": "hidden",
            "metric": METRIC,
            "data": f"{self.collection.name}@{self.collection.split}",
            "on": f"{self.collection.name}@{self.collection.split}",
            "queries": len(next(iter(found.values()))[0]),
            "model": self.encoder,
            "seeds": self.seeds,
            "against": AGAINST,
            "rows": self._rows(found, plan),
        }

    def _one(
        self, name: str, recipe: Recipe | None, seed: int, plan: dict[str, Any]
    ) -> pl.DataFrame:
        table = self.folder.path / "arms" / name / f"hiding-{seed}.parquet"
        key = table.relative_to(self.folder.path).as_posix()
        done = plan["trainings"].get(key)
        if done is not None and table.is_file() and file_hash(table) == done["hash"]:
            return pl.read_parquet(table, glob=False)
        case, began = self.hidings[seed], time.perf_counter()
        if recipe is None:
            mined, seconds = mined_pairs(
                case.visible, self.encoder, self.per_query, self.machine, seed
            )
            negatives, deviation = by_id(mined, case.visible), 0.0
        else:
            negatives, deviation = self._mined(case, override(recipe, {"seed": seed}))
            seconds = time.perf_counter() - began
        counts = delivered(case.visible, case.hidden, negatives, case.vectors)
        table.parent.mkdir(parents=True, exist_ok=True)
        with writing(table) as temporary:
            counts.write_parquet(temporary)
        plan["trainings"][key] = {
            "seconds": round(seconds, 2),
            "deviation": deviation,
            "hash": file_hash(table),
        }
        self.folder.write(plan)
        return counts

    def _mined(self, case: Hiding, recipe: Recipe) -> tuple[pl.DataFrame, float]:
        """Its negatives, and the deviation of its reference scores."""
        with scratch_folder() as folder:
            run = mined_run(
                case.visible, folder / "run", recipe, self.encoder, self.machine, silent
            )
            if run.negatives.is_empty():
                raise WorkError("it delivered no negative at all", where=f"recipe {recipe.name}")
            return run.negatives.select(PAIR), run.manifest.facts.reference_deviation or 0.0

    def _rows(
        self, found: Mapping[str, list[pl.DataFrame]], plan: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Figures of each, tested against one of them by query."""
        deviation = self._mean_of(AGAINST, plan, "deviation")
        shares = {
            name: [
                frame.select("query_id", (pl.col("false") / self.per_query).alias(_FALSE))
                for frame in frames
            ]
            for name, frames in found.items()
        }
        tests = {
            name: compare_queries(frames, shares[AGAINST], _FALSE).as_dict()
            for name, frames in shares.items()
            if name != AGAINST
        }
        corrected = dict(zip(tests, holm([test["p"] for test in tests.values()]), strict=True))
        made = []
        for name, frames in found.items():
            row = {
                "recipe": name,
                **asdict(summed(frames, self.per_query, deviation)),
                "by_seed": [summed([frame], self.per_query, 1.0).false_share for frame in frames],
                "seconds": self._mean_of(name, plan, "seconds"),
            }
            if name in tests:
                row["test"] = tests[name] | {"p_holm": corrected[name]}
            made.append(row)
        return made

    def _mean_of(self, name: str, plan: dict[str, Any], what: str) -> float:
        keys = [f"arms/{name}/hiding-{seed}.parquet" for seed in range(self.seeds)]
        values = [float(plan["trainings"][key][what]) for key in keys]
        return round(sum(values) / len(values), 4)

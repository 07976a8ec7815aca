"""Recipes measured by what a model learns: equal trainings, judged on a dev split."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from negatives.errors import NegativesError
from negatives.events import silent
from negatives.learn.arms import NONE, Arm, arms_of
from negatives.learn.bench import their_miner
from negatives.learn.bench.applies import lacking, lacking_to_train
from negatives.learn.bench.choice import AGAINST, baselines
from negatives.learn.bench.their_miner import NAME, SETTINGS, by_id, mined_pairs
from negatives.learn.loss import Loss
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.request import completed
from negatives.learn.settings import Training
from negatives.learn.trainings import ARMS, Measured, Trainings
from negatives.recipe import Recipe
from negatives.recipe_changes import assignment, override
from negatives.schema import Collection
from negatives.store.atomic import file_hash, writing
from negatives.store.work_folder import WorkFolder

METRIC: Final = "nDCG@10"
USUAL: Final = MultipleNegatives().temperature


@dataclass(frozen=True)
class Fair:
    """A recipe made ready for training with the means that all have.

    How two vectors are compared is the model's: where it was made for the cosine, a loss that takes
    dot products as they are takes cosines at the usual temperature. Recipes say dot products where
    a paper's model was made for them; another ranks badly by them before it has learned anything.
    """

    model: str
    kind: str
    changes: tuple[str, ...]
    per_query: int

    def __call__(self, recipe: Recipe, emit: Any = silent) -> Recipe:
        """The whole recipe; it learns from no more negatives than the others, or fewer of its own.

        `RecipeError` where the model cannot be trained by it.
        """
        made = completed(recipe, self.model, self.kind, self.changes, silent)
        if cast("Training", made.train).by_cosine and _by_dot(cast("Loss", made.learn)):
            made = override(made, {"learn.similarity": "cosine", "learn.temperature": USUAL})
        training = cast("Training", made.train)
        own = training.negatives if recipe.train else self.per_query
        learns = msgspec.structs.replace(training, negatives=min(own, self.per_query))
        made = replace(made, train=learns)
        listed = getattr(training, "redraw", 0)  # negatives, of which every epoch takes others
        said = any(assignment(text)[0] == "pick.per_query" for text in self.changes)
        return override(made, {"pick.per_query": listed}) if listed and not said else made


@dataclass(frozen=True)
class TrainedArms:
    """Trainings of all arms by `work`, all with the trainer of `first`."""

    work: Trainings
    complete: Fair
    first: Arm
    left_out: int
    """Dev queries that are trained with."""

    @property
    def folder(self) -> WorkFolder:
        """Where all is kept."""
        return self.work.folder

    def lacking(self, recipe: Recipe) -> str:
        """Why a recipe cannot be measured in this way here; empty: it can."""
        collection, encoder = self.work.collection, self.work.encoder
        try:
            made = self.complete(recipe)
        except NegativesError as error:
            return lacking(recipe, collection, encoder) or error.what
        return (
            lacking(made, collection, encoder)
            or _other_task(recipe, made)
            or lacking_to_train(made, collection)
        )

    def plan(self) -> dict[str, Any]:
        """The account of the folder; `RunError` where it holds something else."""
        return self.work.begun({"measure": METRIC}, [self.first])

    def arms(self, recipes: list[Recipe]) -> dict[str, Arm]:
        """The recipes with the baselines before them."""
        work = self.work
        known = baselines(self.complete.per_query, work.collection, work.encoder)
        made = [each for each in known if each.name != AGAINST] + recipes
        arms = arms_of([self.first.recipe, *made], NONE, self.complete)
        named = {arm.name: arm for arm in arms}
        none, first = named.pop(NONE), named.pop(AGAINST)
        there = not their_miner.lacking(work.collection)
        theirs = {NAME: Arm(NAME, first.recipe, self._file)} if there else {}
        return {NONE: none, AGAINST: first, **theirs, **named}

    def made_from(self, arm: Arm) -> dict[str, Any]:
        """What the figures of an arm depend on, besides what all share."""
        if arm.data is not None:
            return {**arm.recipe.does(), "given": SETTINGS}
        return self.work.of_arm(arm)

    def measured(self, name: str, arm: Arm, plan: dict[str, Any]) -> Measured:
        """What comes of an arm; nothing is left of one that fails."""
        try:
            if arm.data is not None:
                self._mine_theirs(plan)
            found = self.work.measured(arm, plan)
        except NegativesError:
            shutil.rmtree(self.folder.path / ARMS / name, ignore_errors=True)
            raise
        if arm.data is None:
            return found
        theirs = plan["theirs"]
        asked = self.complete.per_query * len(self.work.collection.mined_queries)
        about = {"coverage": theirs["pairs"] / asked, "false_share": None, "hardness": None}
        cost = found.cost | {"mining_seconds": theirs["seconds"]}
        return replace(found, cost=cost, negatives=about)

    def figures(self, found: Mapping[str, Measured], plan: dict[str, Any]) -> dict[str, Any]:
        """All that was measured in plain values."""
        figures = self.work.figures(found, self.first, self.left_out)
        rows = [_row(row, figures) for row in figures.pop("metrics")[METRIC]]
        del figures["negatives"], figures["costs"]
        notes = {name: list(each.notes) for name, each in found.items() if each.notes}
        return {"measure": "trained", "metric": METRIC, **figures, "rows": rows, "notes": notes}

    @property
    def _file(self) -> Path:
        return self.folder.path / ARMS / f"{NAME}.parquet"

    def _mine_theirs(self, plan: dict[str, Any]) -> None:
        """Write the file of what sentence-transformers mines, where it is not there."""
        done = plan.get("theirs")
        if done is not None and self._file.is_file() and file_hash(self._file) == done["hash"]:
            return
        work = self.work
        mined, seconds = mined_pairs(
            work.collection, work.encoder, self.complete.per_query, work.machine
        )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with writing(self._file) as temporary:
            mined.write_parquet(temporary)
        plan["theirs"] = {
            "seconds": round(seconds, 1),
            "pairs": len(by_id(mined, work.collection)),
            "hash": file_hash(self._file),
        }
        self.folder.write(plan)


def first_arm(complete: Fair, collection: Collection, encoder: str) -> Arm:
    """The arm that all others are tested against, and have the trainer of."""
    every = baselines(complete.per_query, collection, encoder)
    known = {each.name: each for each in every}
    return Arm(AGAINST, complete(known[AGAINST]), None)


def _by_dot(loss: Loss) -> bool:
    """Whether it learns from dot products as they are, and not from a teacher's of that scale."""
    settings = loss.settings()
    as_they_are = settings.get("similarity") == "dot" and settings.get("temperature") == 1.0
    return as_they_are and not loss.needs_labels


def _other_task(recipe: Recipe, made: Recipe) -> str:
    """Why what is trained is not what the recipe trains; empty where it is, or it trains none."""
    own, given = cast("Training | None", recipe.train), cast("Training", made.train)
    if own is None or own.task == given.task:
        return ""
    return f"trains a model for {own.task}, and here one for {given.task} is trained"


def _row(row: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of an arm."""
    cost, about = figures["costs"][row["arm"]], figures["negatives"][row["arm"]] or {}
    seconds = {name: cost[name] for name in ("mining_seconds", "training_seconds")}
    made = {
        "recipe": row["arm"],
        **{name: row[name] for name in ("mean", "low", "high", "by_seed")},
        **{name: about.get(name) for name in ("coverage", "false_share", "hardness")},
        **seconds,
        "seconds": round(sum(seconds.values()), 1),
        "steps": cost["steps"],
    }
    return made | ({"test": row["against_first"]} if "against_first" in row else {})

"""The steps from documents to a model, each in a folder of its own, and none done twice.

A step whose folder is there whole is done: each writes its own atomically, or goes on where it was
stopped, as the command of the same name does. What a step took is kept in the account, so that the
page says what the whole cost however often it was interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import polars as pl

from negatives.adaptation.questions import parted, written_queries
from negatives.events import Emit, Event, Spent, Warned
from negatives.generator import Generator, Written
from negatives.learn.request import completed
from negatives.learn.settings import Training
from negatives.learn.source import mined_run
from negatives.learn.train import Trained, train
from negatives.machine import Machine
from negatives.measure.evaluation import evaluate
from negatives.read import known_texts, load
from negatives.read.documents import write_passages
from negatives.read.split import write_split
from negatives.recipe import Recipe
from negatives.run.making_cost import budgeted
from negatives.schema import Collection
from negatives.store.atomic import file_hash, writing
from negatives.store.fingerprints import fingerprints
from negatives.store.run import Run
from negatives.store.work_folder import WorkFolder

PASSAGES: Final = "passages"
MADE: Final = "made"
RUN: Final = "run"
MODEL: Final = "model"
EVALUATED: Final = "evaluated"
ACCOUNT: Final = "adapt.json"
PAGE: Final = "report.html"
METRICS: Final = ("nDCG@10", "RR@10", "R@100")

BATCHES: Final = 250
"""Batches of a training, at least, where ten passes over the examples have so many."""
PASSES: Final = 10


def adaptation_folder(path: Path) -> WorkFolder:
    """The folder of an adaptation: its account says what it was made from."""
    return WorkFolder(
        path=path,
        work="adaptation",
        account=ACCOUNT,
        own=(PASSAGES, MADE, RUN, MODEL, EVALUATED, PAGE),
        replaced="choose another --out",
    )


@dataclass
class Steps:
    """One adaptation on its way: the settings, the folder, and the account that it keeps."""

    folder: WorkFolder
    account: dict[str, Any]
    docs: Any
    model: str
    recipe: Recipe
    changes: Sequence[str]
    length: int | None
    encoding: str
    dev: float
    budget: str | None
    machine: Machine
    emit: Emit

    @property
    def path(self) -> Path:
        """The folder of all steps."""
        return self.folder.path

    @property
    def seed(self) -> int:
        """What every draw by chance follows from."""
        return self.recipe.seed

    @property
    def nothing_made(self) -> bool:
        """Whether no queries are written yet: all that is here is read again in a moment."""
        return MADE not in self.account["steps"]

    def passages(self) -> Collection:
        """The documents, read and cut."""
        out = self.path / PASSAGES

        def cut(emit: Emit) -> None:
            if not out.exists():
                made = write_passages(
                    self.docs, out, length=self.length, encoding=self.encoding, emit=emit
                )
                if len(made.skipped):  # the page lists them from the folder's own account
                    self.emit(Warned(f"passed over: {made.skipped.told()}"))

        self._done(PASSAGES, cut)
        return replace(known_texts(out), name=self.name)

    @property
    def name(self) -> str:
        """What the documents are called."""
        named = isinstance(self.docs, str | Path)
        return (Path(self.docs).resolve().name if named else "") or "documents"

    def made(self, passages: Collection) -> Path:
        """The queries that are written for them, as train and dev."""
        out = self.path / MADE

        def write(emit: Emit) -> None:
            if out.exists():
                return
            generators = self._kept_to_budget("queries", passages, emit)
            found = written_queries(
                passages,
                generators,
                seed=self.seed,
                machine=self.machine,
                emit=emit,
            )
            sides = parted(found, self.dev, self.seed, emit)
            for note in sides.notes:
                emit(Warned(note))
            write_split(sides, out)

        self._done(MADE, write)
        return out

    def run(self, train_queries: Collection) -> Run:
        """The negatives of the queries."""
        out = self.path / RUN
        found: list[Run] = []

        def mine(emit: Emit) -> None:
            making = tuple(self._kept_to_budget("documents", train_queries, emit))
            recipe = replace(self.recipe, make=making)
            found.append(mined_run(train_queries, out, recipe, self.model, self.machine, emit))

        self._done(RUN, mine)
        return found[0] if found else Run(out)

    def trained(self, run: Run, train_queries: Collection, dev: Collection) -> Trained:
        """The model, trained with them."""
        out = self.path / MODEL
        recipe = self._to_learn(len(train_queries.positives))

        def teach(emit: Emit) -> None:
            train(
                run, out, model=self.model, recipe=recipe, dev=dev, **asdict(self.machine),
                emit=emit,
            )  # fmt: skip

        self._done(MODEL, teach)
        return Trained(out)

    def _kept_to_budget(self, generates: Written, on: Collection, emit: Emit) -> list[Generator]:
        """The recipe's generators of one sort, with their share of the budget of all."""
        making = self.recipe.make
        found = [each for each in making if each.generates == generates]
        asking = sum(1 for each in making if each.calls_each)
        if self.budget is None or not any(each.calls_each for each in found):
            return found
        return budgeted(
            found, self.budget, on, among=asking, seed=self.seed, machine=self.machine, emit=emit
        )

    def _to_learn(self, examples: int) -> Recipe:
        """The recipe with its stages of learning; few examples are gone through several times."""
        made = completed(self.recipe, self.model, "", self.changes, self.emit)
        settings = cast("Training", made.train)
        if self.recipe.train is not None or settings.steps or _states(self.changes, "epochs"):
            return made
        passes = math.ceil(BATCHES * settings.batch_size / max(1, examples))
        settings = msgspec.structs.replace(settings, epochs=min(PASSES, max(1, passes)))
        return replace(made, train=settings)

    def evaluated(self, model: str, on: Collection, name: str) -> pl.DataFrame:
        """Every query's figures, by a model and on a collection that `name` says."""
        table = self.path / EVALUATED / f"{name}.parquet"
        kept = self.account["evaluated"].get(name)
        asked = fingerprints(on)
        if kept and kept["on"] == asked and table.is_file() and file_hash(table) == kept["hash"]:
            return pl.read_parquet(table, glob=False)
        step = f"evaluate {name.replace('-', ', ')}"
        self.account["steps"].pop(step, None)
        frames = []

        def measure(emit: Emit) -> None:
            found = evaluate(model, on, metrics=METRICS, **asdict(self.machine), emit=emit)
            with writing(table) as temporary:
                found.per_query.write_parquet(temporary)
            self.account["evaluated"][name] = {"on": asked, "hash": file_hash(table)}
            frames.append(found.per_query)

        self._done(step, measure)
        return frames[0]

    def _done(self, name: str, do: Callable[[Emit], None]) -> None:
        """Take a step, unless the account says that it was taken; and enter what it cost."""
        if name in self.account["steps"]:
            return
        began = time.perf_counter()
        entry: dict[str, Any] = {"seconds": 0.0, "notes": []}

        def hear(event: Event) -> None:
            if isinstance(event, Spent):
                entry["calls"] = entry.get("calls", 0) + event.calls
                entry["tokens"] = entry.get("tokens", 0) + event.tokens
            elif isinstance(event, Warned):
                entry["notes"].append(event.text)
            self.emit(event)

        do(hear)
        entry["seconds"] = round(time.perf_counter() - began, 2)
        self.account["steps"][name] = entry
        self.folder.write(self.account)


def made_split(folder: Path, split: str) -> Collection:
    """A side of the made queries."""
    return load(f"{folder}@{split}")


def _states(changes: Sequence[str], name: str) -> bool:
    return any(text.partition("=")[0] == f"train.{name}" for text in changes)

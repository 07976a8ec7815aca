"""Where examples come from: a run, a file of mined negatives, a collection that is mined first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from negatives.errors import InputError, RecipeError
from negatives.events import Emit
from negatives.learn.request import as_run, is_mined_file
from negatives.learn.settings import Training
from negatives.learn.training_set import NOTHING, TrainingSet, of_run, training_set
from negatives.machine import Machine
from negatives.read import as_collection, load
from negatives.read.mined.training import read_mined_file
from negatives.read.quarantine import Quarantine
from negatives.recipe import Recipe, encoded
from negatives.run import mine
from negatives.run.inputs import collection_of
from negatives.run.making import made_queries
from negatives.schema import Collection
from negatives.show import reported
from negatives.stage import refuse_unmet
from negatives.store.run import Run

Data = Run | Collection | TrainingSet | str | Path


@dataclass(frozen=True, kw_only=True)
class Source:
    """How what a user names becomes examples; what is mined on the way lies in `folder`."""

    recipe: Recipe
    encoder: str
    """What dense sources encode with."""
    mined: bool
    """Whether there are mined negatives at all."""
    folder: Path
    threads: int
    memory: int
    device: str
    emit: Emit
    aside: Quarantine | None = None

    def examples(self, data: Data, overwrite: bool) -> tuple[TrainingSet, str]:
        """The examples, and the address that other splits of the same data may be found at."""
        if isinstance(data, TrainingSet):
            return data, ""
        settings = cast("Training", self.recipe.train)
        width, labels = settings.negatives, settings.labels
        run = as_run(data)
        file = Path(data) if isinstance(data, str | Path) and is_mined_file(Path(data)) else None
        mines = run is None and file is None and self.mined and width > 0
        if run is None and labels and not mines:
            raise RecipeError(
                "scores are a column of a run's ledger, and this is trained without a run",
                where=f"train.labels = {labels!r}",
                mend='give a run directory in place of the file, or set train.labels=""',
            )
        if self.aside is not None and (run is not None or file is not None):
            raise InputError(
                "--quarantine sets aside bad rows of a collection, and this is none",
                where=str(data),
                mend="leave it out",
            )
        if file is not None:
            return _of_file(file, width), ""
        if run is None:
            collection = as_collection(cast("str | Collection", data), quarantine=self.aside)
            origin = collection.origin
            collection = self._with_queries(collection)
            refuse_unmet((settings,), collection)
            if not mines:
                return training_set(collection, NOTHING, 0), origin
            run = self.mine(collection, self.encoder, self.folder, overwrite)
            return of_run(run, width, labels), origin
        made = of_run(run, width if self.mined else 0, labels)
        return made, collection_of(run).origin

    def _with_queries(self, collection: Collection) -> Collection:
        """The collection, with queries of its own where the recipe writes some."""
        for generator in self.recipe.make:
            if generator.generates == "queries":
                machine = Machine(self.threads, self.memory, self.device)
                seed = self.recipe.seed
                collection = made_queries(
                    collection, generator, seed=seed, machine=machine, emit=self.emit
                )
        return collection

    def mine(self, collection: Collection, encoder: str, out: Path, overwrite: bool = False) -> Run:
        """The collection's run by the recipe, in `out`, its dense sources with `encoder`."""
        making = tuple(each for each in self.recipe.make if each.generates == "documents")
        mining = replace(self.recipe, batch=None, learn=None, train=None, make=making)
        return reported(
            mine(
                collection,
                out,
                recipe=encoded(mining, encoder),
                threads=self.threads,
                memory=self.memory,
                device=self.device,
                overwrite=overwrite,
                emit=self.emit,
            ),
            self.emit,
        )


def beside(data: str | Path, corpus: str | Path | Collection, recipe: Recipe) -> Data:
    """A file of ids, with `corpus` for what has their texts: as examples, or to be mined."""
    file = Path(data)
    if not is_mined_file(file):
        return load(data, corpus=corpus)
    return _of_file(file, cast("Training", recipe.train).negatives, corpus)


def _of_file(file: Path, width: int, corpus: str | Path | Collection | None = None) -> TrainingSet:
    collection, negatives = read_mined_file(file, corpus)
    made = training_set(collection, negatives, width)
    return replace(made, about={"file": file.name, "negatives": len(negatives)})

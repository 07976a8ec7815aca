"""Where examples come from: a run, a file of mined negatives, a collection that is mined first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from negatives.errors import DataError, InputError, RecipeError
from negatives.events import Emit, Warned
from negatives.learn.lists import unlabelled
from negatives.learn.loss import Loss
from negatives.learn.request import as_run, given_at, mined_table_of
from negatives.learn.settings import Training
from negatives.learn.training_set import (
    NOTHING,
    TrainingSet,
    field_of,
    grades_of,
    of_run,
    training_set,
)
from negatives.machine import Machine
from negatives.needs import check_needs, refuse_unmet
from negatives.read import as_collection, known_texts, load
from negatives.read.file_options import FileOptions
from negatives.read.mined.rows import MinedFile, mined_file, understood
from negatives.read.mined.training import read_mined
from negatives.read.quarantine import Quarantine
from negatives.recipe import Recipe
from negatives.recipe_changes import encoded
from negatives.run import mine
from negatives.run.claim import run_folder
from negatives.run.inputs import collection_of, refuse_other_images
from negatives.run.making import made_queries
from negatives.run.mine import automatically
from negatives.schema import TEXTS, Collection
from negatives.show import reported
from negatives.store.run import Run

GRADES: Final = "relevance"
"""Column of a run's ledger that has the grades of the qrels."""

Data = Any
"""A run; a file or a table of mined negatives; examples; or what `Collection.load` takes."""


@dataclass(frozen=True, kw_only=True)
class TrainingSource:
    """How what a user names becomes examples; what is mined on the way lies in `folder`."""

    recipe: Recipe
    encoder: str
    """What dense sources encode with."""
    mined: bool
    """Whether there are mined negatives at all."""
    folder: Path
    machine: Machine
    emit: Emit
    aside: Quarantine | None = None

    def read(self, data: Data) -> TrainingSet | Run | Collection:
        """What a user names, read, and refused where it cannot be trained with."""
        found = data if isinstance(data, TrainingSet) else self._read(data)
        if isinstance(found, Run):
            refuse_other_images(found)
        choosing = () if self.recipe.choose is None else (self.recipe.choose,)
        refuse_unmet((self._settings, self._loss, *choosing), content_of(found))
        self._refuse_unlabelled(found)
        return found

    def _refuse_unlabelled(self, found: TrainingSet | Run | Collection) -> None:
        """Raise where the loss learns from labels, or from grades, and there will be none."""
        loss, labels = self._loss, self._settings.taught_by
        if loss.labels_field:
            field_of(content_of(found), loss.labels_field)
            return
        if isinstance(found, TrainingSet) and found.labels is not None:
            return
        if loss.needs_labels and not labels:
            raise unlabelled(loss.kind)
        if loss.graded and labels == GRADES:
            judged = content_of(found).judged["relevance"]
            if grades := judged.filter(judged > 0).unique().sort().to_list():
                loss.refuse_grades(grades)

    def _read(self, data: Data) -> TrainingSet | Run | Collection:
        run = as_run(data)
        if run is None and self._reads_responses:
            return as_collection(data, quarantine=self.aside)
        named = isinstance(data, str | Path)
        file = given_at(data) if named else mined_table_of(data)
        labels = self._settings.taught_by
        if file is not None and labels == GRADES:
            name = str(data) if named else "the table"
            raise RecipeError(
                f"the loss learns from grades of positives, and {name} is read as mined negatives, "
                "in which what is graded low, or not at all, is one",
                where=f"train.labels = {labels!r}",
                fix="give a collection with graded qrels",
            )
        if run is None and labels and (file is not None or not self._has_labels):
            raise RecipeError(
                "scores are a column of a run's ledger, and this is trained without a run",
                where=f"train.labels = {labels!r}",
                fix='give a run directory in place of the file, or set train.labels=""',
            )
        if self.aside is not None and (run is not None or file is not None):
            raise InputError(
                "--quarantine sets aside bad rows of a collection, and this is none",
                where=str(data) if file is None else str(file.path),
                fix="leave it out",
            )
        if file is not None:
            return _of_file(file, self._settings.negatives_read)
        return run or as_collection(data, quarantine=self.aside)

    def origin(self, found: TrainingSet | Run | Collection) -> str:
        """The address that other splits of the same data may be found at; empty: there is none."""
        own = isinstance(found, TrainingSet) and "file" not in found.about
        return "" if own else content_of(found).origin

    def examples(self, found: TrainingSet | Run | Collection, overwrite: bool) -> TrainingSet:
        """The examples."""
        made = self._examples(found, overwrite)
        if name := self._loss.labels_field:
            made = replace(made, labels=field_of(made.collection, name))
        return made

    def _examples(self, found: TrainingSet | Run | Collection, overwrite: bool) -> TrainingSet:
        if isinstance(found, TrainingSet):
            return found
        if isinstance(found, Collection):
            found = self._with_queries(found)
            if not self._mines:
                made = training_set(found, NOTHING, 0)
                graded = self._settings.taught_by == GRADES
                return replace(made, labels=grades_of(found) if graded else None)
            return self._of_mined(self.mine(found, self.encoder, self.folder, overwrite))
        return self._of_run(found)

    def _of_run(self, run: Run) -> TrainingSet:
        width = self._settings.negatives_read if self.mined else 0
        return of_run(run, width, self._settings.taught_by)

    def _of_mined(self, run: Run) -> TrainingSet:
        """The examples of a run of our own; one that there is nothing to learn from is not kept.

        Whoever changes what the error names would be refused, for it would be another run's folder.
        """
        try:
            return self._of_run(run)
        except DataError as error:
            where = error.where.replace(str(run.path), run.manifest.inputs.name)
            run_folder(run.path).wipe()
            with suppress(OSError):  # people's judgements of it may lie there
                run.path.rmdir()
            raise DataError(error.what, where=where, fix=error.fix) from None

    @property
    def writes_queries(self) -> bool:
        """Whether the recipe writes queries of its own, in place of those that a collection has."""
        return any(each.generates == "queries" for each in self.recipe.make)

    @property
    def _reads_responses(self) -> bool:
        """Whether all of a collection is learned from, right or wrong, positives or none."""
        return self._settings.gives == "sequences"

    @property
    def _loss(self) -> Loss:
        return cast("Loss", self.recipe.learn)

    @property
    def _settings(self) -> Training:
        return cast("Training", self.recipe.train)

    @property
    def _mines(self) -> bool:
        """Whether a collection is mined."""
        return self.mined and self.recipe.mines

    @property
    def _has_labels(self) -> bool:
        """Whether a collection comes to have the labels: by the run that is mined of it, or, where
        negatives are drawn, because they are the grades of its qrels.
        """
        drawn = self.mined and self.recipe.draws
        return self._mines or (drawn and self._settings.taught_by == GRADES)

    def _with_queries(self, collection: Collection) -> Collection:
        """The collection, with queries of its own where the recipe writes some."""
        writers = [each for each in self.recipe.make if each.generates == "queries"]
        if not writers:
            return collection
        seed, machine = self.recipe.seed, self.machine
        return made_queries(collection, writers, seed=seed, machine=machine, emit=self.emit)

    def mine(self, collection: Collection, encoder: str, out: Path, overwrite: bool = False) -> Run:
        """The collection's run by the recipe, in `out`, its dense sources with `encoder`."""
        making = tuple(each for each in self.recipe.make if each.generates == "documents")
        recipe = replace(self.recipe, make=making)
        if not making:
            refuse_without_others(collection)
        return mined_run(collection, out, recipe, encoder, self.machine, self.emit, overwrite)


def for_these_data(
    data: Data,
    encoder: str,
    machine: Machine,
    emit: Emit,
    aside: Quarantine | None = None,
    **said: Any,
) -> tuple[Collection, Recipe]:
    """A collection, read, and the recipe that its data speak for (`--recipe auto`).

    `said`: how a file is read (`load`).
    """
    there = isinstance(data, TrainingSet) or as_run(data) is not None
    if not there:
        named = isinstance(data, str | Path)
        there = (given_at(data, **said) if named else mined_table_of(data)) is not None
    if there:
        raise InputError(
            "auto chooses how to mine, and these negatives are there already",
            where=str(data) if isinstance(data, str | Path) else "",
            fix="give the collection, or leave --recipe out",
        )
    collection = load(data, quarantine=aside, **said)
    return collection, automatically(collection, machine, encoder, emit)


def mined_run(
    collection: Collection,
    out: Path,
    recipe: Recipe,
    encoder: str,
    machine: Machine,
    emit: Emit,
    overwrite: bool = False,
) -> Run:
    """A collection mined by the first half of a recipe, its dense sources with `encoder`."""
    _tell_overruled(recipe, encoder, emit)
    mining = encoded(
        replace(recipe, choose=None, batch=None, learn=None, train=None, round=()), encoder
    )
    options = {**asdict(machine), "overwrite": overwrite}
    return reported(mine(collection, out, recipe=mining, **options, emit=emit), emit)


def refuse_without_others(collection: Collection) -> None:
    """Raise `DataError` where every document is a positive of every query: none is left to find."""
    readable = len(collection.corpus) - len(collection.empty_docs)
    pairs = collection.positives.unique()
    pairs = pairs.filter(~pl.col("doc").is_in(collection.empty_docs.tolist()))
    if len(pairs) and len(pairs) == readable * pairs["query"].n_unique():
        raise DataError(
            "every document is a positive of every query, so none is left to be a negative",
            where=f"{collection.name}, {readable:,} documents",
            fix="give more documents, with --corpus; or train without mined negatives: "
            "--control none",
        )


def _tell_overruled(recipe: Recipe, encoder: str, emit: Emit) -> None:
    """Warn of an encoder that a recipe names, where the model that is trained takes its place."""
    for place, source in enumerate(recipe.find):
        named = getattr(source, "encoder", encoder)
        if source.encodes and named != encoder and f"find.{place}.encoder" in recipe.stated:
            emit(
                Warned(
                    f"{source.label}: encoder = {named!r} is not read: a training mines with the "
                    "model that is trained, or with --encoder; keeps_encoder = true keeps it"
                )
            )


def content_of(found: TrainingSet | Run | Collection) -> Collection:
    """The collection that it is of."""
    if isinstance(found, Run):
        return collection_of(found)
    return found.collection if isinstance(found, TrainingSet) else found


def to_mine(found: TrainingSet | Run | Collection) -> Collection:
    """The collection that can be mined anew; `DataError` where there are only mined texts."""
    if isinstance(found, TrainingSet) and "file" in found.about:
        raise DataError(
            "rounds mine anew, and a file of negatives has no other documents than they",
            where=str(found.about["file"]),
            fix="give the collection, or a run of it, in place of the file",
        )
    return content_of(found)


def read_with(
    data: str | Path, recipe: Recipe, quarantine: Quarantine | None = None, **said: Any
) -> Data:
    """A file, with what is said of how it is read (`load`): as examples, or to be mined."""
    if not said:
        return data
    responses = cast("Training", recipe.train).gives == "sequences"
    mined = None if responses or as_run(data) is not None else given_at(data, **said)
    if mined is None:
        return load(data, quarantine=quarantine, **said)
    corpus, queries = said.pop("corpus", None), said.pop("queries", None)
    known = known_texts(corpus, queries) if corpus or queries else None
    return _of_file(
        understood(mined.source, known, FileOptions.of(**said)),
        cast("Training", recipe.train).negatives_read,
    )


def beside(data: Path, corpus: Collection, recipe: Recipe) -> TrainingSet:
    """A file of ids, with the collection that has their texts, as examples."""
    return _of_file(mined_file(data, corpus), cast("Training", recipe.train).negatives_read)


def _of_file(file: MinedFile, width: int) -> TrainingSet:
    if file.known is not None:
        check_needs(file.known, TEXTS, "training on a file of ids")
    collection, negatives = read_mined(file)
    if file.path.is_dir():  # other files there may be those of dev
        collection = replace(collection, origin=str(file.path.resolve()))
    made = training_set(collection, negatives, width)
    return replace(made, about={"file": file.path.name, "negatives": len(negatives)})

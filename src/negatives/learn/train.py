"""train: from a run, a mined file or a collection to a trained encoder or reranker.

The folder it makes is a model that sentence-transformers loads, with the account of how it was made
(`training.json`), the recipe, and a model card. Stopped at any moment and started again, it goes on
from its last checkpoint, and on a CPU comes to the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from negatives.choose.chooser import Chooser
from negatives.errors import RecipeError
from negatives.events import Emit, once
from negatives.learn.base_models import Base, limit, weights_of
from negatives.learn.batched import Batching
from negatives.learn.choosing import choose_examples
from negatives.learn.dev import DevSet, dev_set, refuse_impatient
from negatives.learn.drawn import StepDraws
from negatives.learn.frozen import FrozenDocs, saved
from negatives.learn.lora import add_adapters, merge_adapters
from negatives.learn.loss import Loss
from negatives.learn.model_files import CHECKPOINTS, MINED, SCRATCH
from negatives.learn.needed import opened_guide, refuse_few, refuse_loss
from negatives.learn.nothing import refuse_nothing, tell_fewer, warn_of_few_passes
from negatives.learn.own_similarity import warn_of_products
from negatives.learn.recipe_draws import step_draws
from negatives.learn.refresh import Refresher
from negatives.learn.request import completed, recipe_of, tell_other_sort
from negatives.learn.rounds import Rounds
from negatives.learn.rows import TrainingRows
from negatives.learn.sampler import Sampler
from negatives.learn.sequence.work import SequenceWork
from negatives.learn.settings import (
    Lesson,
    LessonTraining,
    ModelTraining,
    TextTraining,
    Training,
    WholeTraining,
)
from negatives.learn.source import Data, content_of, for_these_data
from negatives.learn.suspects import write_suspects
from negatives.learn.trained import Trained as Trained
from negatives.learn.trained import model_folder
from negatives.learn.trainer import Look, TrainingPlan, carry_out, refuse_reporter
from negatives.learn.training_set import TrainingSet
from negatives.learn.vectors import Vectors
from negatives.learn.whole_work import WholeWork
from negatives.learn.work import Work
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.models.encoder import Encoder
from negatives.models.sort import encoder_beside
from negatives.needs import refuse_unmet
from negatives.optional import torch
from negatives.read.quarantine import Quarantine, as_quarantine
from negatives.recipe import Recipe
from negatives.recipe_changes import tell_unread
from negatives.run.automatic import AUTO
from negatives.schema import Collection
from negatives.secrets import refuse_secrets
from negatives.store.fingerprints import fingerprints
from negatives.store.lock import locked


def open_base(settings: Training, model: str, seed: int, machine: Machine) -> Base:
    """The model to start from; a scoring head that it lacks is drawn by `seed`.

    Raises `RecipeError` for a trainer that starts from none.
    """
    if not isinstance(settings, ModelTraining):
        raise RecipeError(
            f"training of kind {settings.kind!r} starts from no model, as rounds do, and "
            "trainings that are compared",
            where="train.kind",
            fix=f"train it once: negatives train DATA --kind {settings.kind}",
        )
    torch.manual_seed(seed)
    return settings.open(model, threads=machine.threads, device=machine.device)


@watched
def train(
    data: Data,
    out: str | Path,
    *,
    model: str = "static",
    recipe: Recipe | str | Path | None = None,
    settings: Training | None = None,
    kind: str = "",
    mined: bool = True,
    encoder: str | None = None,
    dev: Any = None,
    look: bool = True,
    seed: int | None = None,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    report_to: str = "none",
    overwrite: bool = False,
    quarantine: str | Path | Quarantine | None = None,
    emit: Emit = shown,
) -> Trained:
    """Train `model` (a folder, a hub name, or `static`) with negatives, into the folder `out`.

    `data`: a run, a file, a folder of files or a frame of mined negatives (anybody's), a
    `TrainingSet` of your own making, or a collection (what `Collection.load` takes, such as a frame
    of pairs), which is mined first by `recipe` (with `encoder`, or the model that is trained
    where it can be one, as its dense encoder); with `mined` False it is trained without mined
    negatives. The recipe's
    [batch], [learn] and [train] stages say how; of a run, its own recipe's do. `settings` replaces
    [train], `kind` ("encoder", "reranker", "sparse", "static-embedding", "factors") chooses its
    defaults. `dev` is a split to look at on the way, whose best look is kept; DATA@dev where none
    is named; with `look` False there are no looks, and the last step is kept. `quarantine`: a file
    for bad rows of collections.

    Raises `InputError` for what is wrong before anything is trained, `WorkError` where a loss is no
    number or memory is not enough.
    """
    refuse_secrets(model, encoder or "")
    emit = once(emit)
    machine = Machine.checked(threads, memory, device)
    refuse_reporter(report_to)
    path = Path(out)
    folder = model_folder(path)
    folder.refuse_foreign()
    set_aside = as_quarantine(quarantine)
    if recipe == AUTO:
        mining = encoder or encoder_beside(model)
        data, recipe = for_these_data(data, mining, machine, emit, set_aside)
    chosen = completed(recipe_of(data, recipe, kind), model, kind, emit=emit)
    training = cast("Training", chosen.train)
    tell_other_sort(model, training, emit)
    seed = chosen.seed if seed is None else seed
    chosen = replace(chosen, train=settings or chosen.train, seed=seed)
    if encoder not in (None, model):
        tell_unread(chosen, str(encoder), emit)
    refuse_loss(training, cast("Loss", chosen.learn))
    work = _work(chosen)(
        folder=folder,
        recipe=chosen,
        model=model,
        encoder=encoder or encoder_beside(model, training.encodes),
        mined=mined,
        machine=machine,
        report_to=report_to,
        aside=set_aside,
        emit=emit,
    )
    with locked(path):
        if chosen.round:
            _rounds(work, dev, look).carry_out(work.source.read(data), overwrite)
        else:
            work.once(data, dev, look, overwrite)
    return Trained(path)


def _work(recipe: Recipe) -> type[Work]:
    """How what a recipe trains is trained."""
    training = cast("Training", recipe.train)
    if isinstance(training, WholeTraining):
        return WholeWork
    return SequenceWork if training.gives == "sequences" else _LessonWork


def _rounds(work: Work, dev: Any, look: bool) -> Rounds:
    """The recipe's rounds, of which each is a training of its own."""
    seed, machine = work.recipe.seed, work.machine
    options = {**asdict(machine), "report_to": work.report_to, "emit": work.emit}
    return Rounds(
        folder=work.folder,
        recipe=work.recipe,
        model=work.model,
        encoder=work.encoder,
        mined=work.mined,
        weights=lambda settings, model: weights_of(open_base(settings, model, seed, machine)),
        train=partial(train, mined=work.mined, dev=dev, look=look, **options),
        emit=work.emit,
    )


@dataclass(frozen=True)
class _LessonWork(Work):
    """What `train` does with a `LessonTraining`."""

    @property
    def settings(self) -> LessonTraining:
        return cast("LessonTraining", self.recipe.train)

    def carry_out(self, data: Data, dev: Any, look: bool, overwrite: bool) -> None:
        began = time.perf_counter()
        read = self.source.read(data)
        base = open_base(self.settings, self.model, self.recipe.seed, self.machine)
        warn_of_products(base, self.loss, self.emit)
        if isinstance(self.settings, TextTraining):
            limit(base, self.settings.max_length, self.machine.memory)
        if self.settings.adapters:
            add_adapters(base.model, self.settings.adapters)
        if self.recipe.choose is not None:
            cast("Chooser", self.recipe.choose).ready(self.machine, self.emit)
        guide = opened_guide(self.loss, self.machine, self.emit)
        refuse_few(self.batcher, read, self.settings.batch_size)
        source = self.source
        early = look and not source.writes_queries
        looked_at = self._dev(dev, source.origin(read), content_of(read)) if early else None
        found = source.examples(read, overwrite)
        draws = step_draws(found, self.recipe, self.mined, self.emit)
        if draws is None:
            refuse_nothing(found, self.loss, self.settings, self.emit)
            tell_fewer(found, self.recipe, self.emit)
        if look and not early:
            looked_at = self._dev(dev, source.origin(read), found.collection)
        inputs = self._inputs(base, found, looked_at)
        kept = MINED if found.about.get("run") == MINED else ""
        if not self.begin(inputs, overwrite, kept):
            return
        found, chosen = self._chosen(found)
        if chosen and draws is not None:
            draws = step_draws(found, self.recipe, self.mined, self.emit)
        frozen = self._frozen(found.collection)
        by = None if guide is None else self._vectors(self.loss.guided_by, found.collection, guide)
        of_frozen = None if frozen is None else frozen.vectors.docs
        rows = TrainingRows(found, None if by is None else by.guide, of_frozen)
        rows.redrawn(self.settings.redraw, self.settings.negatives, self.settings.batch_size)
        save = partial(saved, base.model, frozen)
        refresher = self._refresher(base, save, rows)
        encode = None if frozen is None else frozen.encode
        look_at = None if looked_at is None else self.settings.look(looked_at, encode)
        plan, sampler = self._plan(base, rows, draws, look_at, refresher)
        warn_of_few_passes(plan.weighing, sampler.rows / max(len(found), 1), self.emit)
        history = carry_out(plan)
        if self.settings.adapters:
            merge_adapters(base.model)
        save(self.path)
        told = {
            "device": str(base.model.device),
            "examples": len(found),
            "steps_planned": len(sampler),
            "data": f"{found.collection.name}@{found.collection.split}",
            "negatives": found.about,
            **({"chosen": chosen} if chosen else {}),
            "batches": sampler.told(),
            "suspects": write_suspects(plan.weighing, found, self.path),
            "loss": seen() if (seen := getattr(plan.learning.loss, "told", None)) else {},
            "dev": None if looked_at is None else looked_at.collection.name,
            **history,
        }
        self.end(inputs, began, told)

    def _inputs(self, base: Base, found: TrainingSet, dev: DevSet | None) -> dict[str, Any]:
        """What the final weights depend on."""
        return {
            "model": self.model,
            "weights": weights_of(base),
            "recipe": self.recipe.effective(),
            "data": fingerprints(found.collection),
            "examples": found.digest,
            "dev": None if dev is None else fingerprints(dev.collection),
        }

    def _dev(self, named: Any, origin: str, train: Collection) -> DevSet | None:
        """The dev set to look at, for what is trained with `train`."""
        found = dev_set(named, origin, train, self.recipe.seed, self.aside, self.emit)
        refuse_impatient(found, self.settings.patience)
        if found is not None:
            refuse_unmet((self.settings,), found.collection)
            self.settings.refuse_dev(found, train)
        return found

    def _chosen(self, found: TrainingSet) -> tuple[TrainingSet, dict[str, Any]]:
        """The examples that the recipe's [choose] stage takes, and what is told of it."""
        if self.recipe.choose is None:
            return found, {}
        return choose_examples(
            cast("Chooser", self.recipe.choose),
            found,
            lambda encoder: self._vectors(encoder, found.collection),
            model=self._encoder,
            scratch=self.path / SCRATCH,
            seed=self.recipe.seed,
            machine=self.machine,
            emit=self.emit,
        )

    def _vectors(
        self, encoder: str, collection: Collection, opened: Encoder | None = None
    ) -> Vectors:
        return Vectors(
            encoder,
            collection,
            self.path / SCRATCH / "vectors",
            machine=self.machine,
            emit=self.emit,
            opened=opened,
        )

    def _frozen(self, collection: Collection) -> FrozenDocs | None:
        if not self.settings.docs_frozen:
            return None
        threads, device = self.machine.threads, self.machine.device
        vectors = self._vectors(self.model, collection)
        return FrozenDocs(self.model, self.settings, threads, device, vectors)

    @property
    def _encoder(self) -> str:
        """What encodes texts for batchers and losses: the model as it comes, if it can."""
        return self.model if self.settings.encodes else self.encoder

    def _refresher(
        self, base: Base, save: Callable[[Path], None], rows: TrainingRows
    ) -> Refresher | None:
        every = self.settings.refresh_every
        if not every:
            return None
        checkpoints = self.path / CHECKPOINTS
        source, labels = self.source, self.settings.labels
        return Refresher(
            self.path / SCRATCH, checkpoints, base, save, rows, every, source.mine, labels
        )

    def _plan(
        self,
        base: Base,
        rows: TrainingRows,
        draws: StepDraws | None,
        look: Look | None,
        refresher: Refresher | None,
    ) -> tuple[TrainingPlan, Sampler]:
        found = rows.whole
        batching = Batching(
            recipe=self.recipe,
            base=base,
            found=found,
            vectors=lambda: self._vectors(self._encoder, found.collection),
            scratch=self.path / SCRATCH,
            checkpoints=self.path / CHECKPOINTS,
            emit=self.emit,
        )
        sampler = batching.sampler(rows.before if refresher is None else refresher.before)
        weighing = batching.weighing()
        lesson = Lesson(
            loss=self.loss,
            rows=rows,
            steps=len(sampler),
            seed=self.recipe.seed,
            weighing=weighing,
            draws=draws,
            vectors=lambda docs: self._vectors(self._encoder, found.collection).docs(docs),
        )
        learning = self.settings.prepare(base, lesson)
        return TrainingPlan(
            base=base,
            settings=self.settings,
            learning=learning,
            sampler=sampler,
            folder=self.path / CHECKPOINTS,
            seed=self.recipe.seed,
            look=look,
            report_to=self.report_to,
            emit=self.emit,
            weighing=weighing,
            patience=self.settings.patience,
            at_step=refresher,
        ), sampler

"""The batches of a training: a batcher opened on its examples, with the vectors it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from negatives.arrays import Floats
from negatives.batch.batcher import Batcher, Batches, Weighing
from negatives.batch.examples import Examples
from negatives.errors import RecipeError
from negatives.events import Emit, Progress
from negatives.learn.base_models import Base
from negatives.learn.renewal import Renewal
from negatives.learn.sampler import Sampler
from negatives.learn.settings import Training
from negatives.learn.trainer import last_checkpoint, step_of
from negatives.learn.training_set import TrainingSet
from negatives.learn.vectors import Vectors, vectors_now
from negatives.recipe import Recipe
from negatives.stats.lengths import normalised


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How the examples of a training come to be batches, in which order and with which weight."""

    recipe: Recipe
    base: Base
    found: TrainingSet
    vectors: Callable[[], Vectors]
    """By the model that training starts from."""
    scratch: Path
    checkpoints: Path
    emit: Emit

    @property
    def _settings(self) -> Training:
        return cast("Training", self.recipe.train)

    @property
    def _batcher(self) -> Batcher:
        return cast("Batcher", self.recipe.batch)

    @property
    def _examples(self) -> Examples:
        return replace(
            self.found.examples,
            query_vectors=lambda: self.vectors().all_queries(),
            doc_vectors=lambda: self.vectors().all_docs(),
            doc_parents=self.found.doc_parents,
            doc_places=self.found.doc_places,
        )

    def sampler(self, before: Callable[[int], None] | None) -> Sampler:
        """All batches; `before` as for `Sampler`."""
        settings, examples = self._settings, self._examples
        batches = self._open(examples)
        self.emit(Progress("batch", 0, len(examples), "examples"))
        made = Sampler(
            batches,
            settings.batch_size,
            epochs=settings.epochs,
            steps=settings.steps,
            before=before,
            renewal=self._renewal(examples, batches),
        )
        self.emit(Progress("batch", len(examples), len(examples), "examples"))
        return made

    def weighing(self) -> Weighing | None:
        """How rows count over time; `RecipeError` where they cannot."""
        found = self._batcher.weigh(self._examples, self.recipe.seed)
        if found is not None and not self._settings.weighs_rows:
            raise RecipeError(
                f"rows are not weighed where a {self._settings.kind} is trained",
                where="batch.weight",
                fix='set batch.weight = { kind = "equal" }',
            )
        return found

    def _open(self, examples: Examples) -> Batches:
        return self._batcher.open(examples, self._settings.batch_size, self.recipe.seed)

    def _renewal(self, examples: Examples, first: Batches) -> Renewal | None:
        every = self._batcher.refresh_every
        if not every:
            return None
        if not self._settings.encodes:
            raise RecipeError(
                f"a {self._settings.kind} has no vectors that batches could follow",
                where="batch.refresh",
                fix="set batch.refresh = 0",
            )

        def encode(side: str) -> Floats:
            if side == "docs" and self._settings.docs_frozen:
                return self.vectors().all_docs()
            if self._settings.by_row:
                return normalised(self.base.model.vectors(side))
            return vectors_now(self.base.model, self.found.collection, examples, side)

        return Renewal(
            folder=self.scratch / "batches",
            seen=self._seen,
            examples=examples,
            first=first,
            every=every,
            open=self._open,
            encode=encode,
            emit=self.emit,
        )

    def _seen(self) -> int:
        last = last_checkpoint(self.checkpoints)
        return 0 if last is None else step_of(last)

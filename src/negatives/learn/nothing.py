"""Learning from nothing is an error: found before training where the examples show it, and else in
the first batches, by a loss that is exactly 0 in all of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from negatives.arrays import Bools
from negatives.batch.batcher import Weighing
from negatives.errors import DataError, RecipeError
from negatives.events import Emit, Warned
from negatives.learn.loss import Loss
from negatives.learn.model_files import MINED
from negatives.learn.settings import Training
from negatives.learn.training_set import TrainingSet
from negatives.optional import Tensor
from negatives.recipe import Recipe
from negatives.wording import figure

ENOUGH: Final = 10
"""Batches, from the first, that teach nothing before training is given up."""

_WHOLE_BATCH: Final = "take a loss of the whole batch, such as --set learn.kind=multiple-negatives"


def refuse_nothing(found: TrainingSet, loss: Loss, settings: Training, emit: Emit) -> None:
    """Raise `DataError` where no example has a negative of a loss that sees its own alone.

    Where some have none, a `Warned` event counts them.
    """
    if not loss.sees_own_alone:
        return
    teaching = _teaching(found, loss).any(axis=1)
    if not teaching.any():
        raise _nothing(found, loss, settings)
    if idle := int((~teaching).sum()):
        emit(
            Warned(
                f"{idle:,} of {len(found):,} examples have no negative to learn from: to the loss "
                f"{loss.kind!r}, which sees a query's own documents alone, they say nothing"
            )
        )


def tell_fewer(found: TrainingSet, recipe: Recipe, emit: Emit) -> None:
    """Say so where more negatives a query are asked for than any query has."""
    most = int((found.negatives >= 0).sum(axis=1).max(initial=0))
    for setting in ("negatives", "redraw"):
        path, asked = f"train.{setting}", getattr(recipe.train, setting, 0)
        if path in recipe.stated and asked > most > 0:
            run = found.about.get("run")
            mend = ": negatives pick RUN takes more of a run" if run else ""
            if run == MINED:
                mend = ": pick.per_query says how many are mined"
            emit(Warned(f"{path} = {asked}, and no query has more than {most}{mend}"))


def warn_of_few_passes(weighing: Weighing | None, made: float, emit: Emit) -> None:
    """Say so where a training of so many passes ends before its weights could begin to differ."""
    needed = 0 if weighing is None else weighing.passes
    if needed and made <= needed:
        emit(
            Warned(
                "batch.weight changes nothing in this training: it looks at the losses of "
                f"{needed} pass{'' if needed == 1 else 'es'} over the examples first, and has "
                f"{figure(made)} in all: raise train.epochs or train.steps"
            )
        )


def _teaching(found: TrainingSet, loss: Loss) -> Bools:
    """bool[n, k]: the negatives of each example that the loss sees."""
    there: Bools = found.negatives[found.positives[:, 0]] >= 0
    if loss.needs_labels and not loss.graded and found.labels is not None:
        labels = found.labels(found.positives[:, 0], found.docs_of(found.positives))
        there = there & np.isfinite(labels[:, 1:])
    return there


def _nothing(found: TrainingSet, loss: Loss, settings: Training) -> DataError:
    """Why no example has a negative, and what to do about it."""
    where = f"learn.kind = {loss.kind!r}, {len(found):,} examples"
    learns = f"{loss.kind} learns from a query's own negatives alone, and"
    if (found.negatives >= 0).any():
        return DataError(
            f"{learns} none of them has a label",
            where=f"{where}, train.labels = {settings.taught_by!r}",
            fix="name a column that has scores of negatives, or have its judge score more of them "
            f"(`top`); or {_WHOLE_BATCH}",
        )
    if not settings.negatives:
        return DataError(
            f"{learns} train.negatives = 0 leaves none",
            where=where,
            fix=f"--set train.negatives=7, say; or {_WHOLE_BATCH}",
        )
    return DataError(
        f"{learns} there are none",
        where=where,
        fix=f"train with mined negatives, without --control none; or {_WHOLE_BATCH}",
    )


class IdleBatches:
    """Counts the batches from the first that teach nothing, and gives up after a few."""

    def __init__(self) -> None:
        self._seen: int | None = 0

    def see(self, losses: Tensor, weights: Tensor | None, last: bool) -> None:
        """Look at the loss of each row float[n], and how much each counts.

        `last`: no batch follows. `DataError` once it is clear that nothing is learned.
        """
        if self._seen is None:
            return
        counted = losses.detach() if weights is None else losses.detach() * weights
        if bool(counted.any()):
            self._seen = None
            return
        self._seen += 1
        if last or self._seen >= ENOUGH:
            raise _idle(self._seen, weights is not None and bool(losses.detach().any()))


def _idle(batches: int, unweighed: bool) -> RecipeError:
    """What to say of batches that taught nothing."""
    what = "the loss of every example was exactly 0 in the first"
    if unweighed:
        return RecipeError(
            f"no example counts: all weights were 0 in the first {batches} batches",
            where="batch.weight",
            fix='let more of them count, or set batch.weight = { kind = "equal" }',
        )
    return RecipeError(
        f"nothing is learned: {what} {batches} batches, as it is where no row has a negative",
        where="batches of too few rows, or of rows with the same positive, or negatives that are "
        "all masked",
        fix="raise train.batch_size or train.negatives, or have the loss or the judges leave out "
        "fewer negatives",
    )

"""What a training needs besides examples, looked for before any work: its guide, enough of them."""

from __future__ import annotations

from typing import Final

from negatives.batch.batcher import Batcher
from negatives.errors import DataError, RecipeError
from negatives.events import Emit
from negatives.learn.loss import Loss
from negatives.learn.settings import Training
from negatives.learn.training_set import TrainingSet
from negatives.machine import Machine
from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder
from negatives.run.inputs import collection_of
from negatives.schema import Collection
from negatives.store.run import Run

_NAME_A_GUIDE: Final = "--set learn.guide=MODEL: an encoder's folder or hub name, or static"


def opened_guide(loss: Loss, machine: Machine, emit: Emit) -> Encoder | None:
    """The encoder that guides a loss; None where it needs none.

    `RecipeError` where it needs one and names none, `DataError` for one that cannot be used.
    """
    if not loss.needs_guide:
        return None
    if not loss.guided_by:
        raise RecipeError(
            f"{loss.kind} learns from a second encoder, its guide, and none is named",
            where="learn.guide",
            fix=_NAME_A_GUIDE,
        )
    try:
        return open_encoder(
            loss.guided_by, threads=machine.threads, device=machine.device, emit=emit
        )
    except DataError as error:
        raise DataError(
            f"the guide of {loss.kind} cannot be used: {error.what}",
            where=f"learn.guide = {loss.guided_by!r}",
            fix=_NAME_A_GUIDE,
        ) from None


def refuse_loss(training: Training, loss: Loss) -> None:
    """Raise `RecipeError` where a trainer cannot take a loss."""
    if loss.parts > 1 and not training.by_id:
        raise RecipeError(
            f"the loss {loss.kind!r} has a model of its own, by id, and {training.kind} reads "
            "texts",
            where="learn.kind",
            fix="--kind factors, or another loss",
        )
    if loss.learns_from != training.gives:
        raise RecipeError(
            f"the loss {loss.kind!r} learns from {loss.learns_from}, and training of kind "
            f"{training.kind!r} gives {training.gives}",
            where="learn.kind",
            fix=f"--set learn.kind={training.usual_loss}, or the trainer that the loss is for: "
            + ("--kind language-model" if loss.learns_from == "sequences" else "--kind encoder"),
        )
    training.refuse(loss)


def refuse_few(batcher: Batcher, found: TrainingSet | Run | Collection, size: int) -> None:
    """Raise `DataError` where there are too few examples for what the batcher is there for."""
    if isinstance(found, TrainingSet):
        pairs = found.positives
    else:
        collection = collection_of(found) if isinstance(found, Run) else found
        pairs = collection.positives.to_numpy()
    if len(pairs):
        batcher.refuse_few(len(set(pairs[:, 0].tolist())), len(pairs), size)

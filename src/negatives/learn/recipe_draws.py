"""What a recipe draws while a model is trained, and when it does."""

from __future__ import annotations

from typing import cast

from negatives.events import Emit, Warned
from negatives.learn.drawn import StepDraws
from negatives.learn.loss import Loss
from negatives.learn.settings import Training
from negatives.learn.training_set import TrainingSet
from negatives.recipe import Recipe


def step_draws(found: TrainingSet, recipe: Recipe, mined: bool, emit: Emit) -> StepDraws | None:
    """What draws the negatives of a recipe whose sources are all draws; None where they are there
    already, or where the recipe mines them, or where there are to be none (`mined` False).
    """
    train, loss = cast("Training", recipe.train), cast("Loss", recipe.learn)
    if not (mined and recipe.draws and train.negatives) or found.width > 1:
        return None
    never = train.never(found.collection)
    made = StepDraws.of(found, recipe.find, train.negatives, recipe.seed, never, emit)
    if loss.corrects and not made.corrected:
        emit(
            Warned(
                f"{loss.kind} makes up for how probable a draw was, and of the best of several "
                "draws nobody knows that: they count as if they had been mined"
            )
        )
    return made

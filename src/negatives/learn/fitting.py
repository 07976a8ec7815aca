"""What makes trainings fail that is known before the first of them: asked before hours of work.

`compare`, `bench` and `generalise` train several times, and judge every time. A model that does not
load, a loss that the trainer cannot take, or a split that nothing can be judged by would come up in
the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from negatives.choose.chooser import Chooser
from negatives.errors import RecipeError
from negatives.events import silent
from negatives.learn.arms import Arm
from negatives.learn.base_models import Base
from negatives.learn.dev import DevSet
from negatives.learn.loss import Loss
from negatives.learn.needed import opened_guide, refuse_loss
from negatives.learn.settings import LessonTraining, Training
from negatives.learn.train import open_base
from negatives.machine import Machine
from negatives.measure.evaluation import refuse_unjudged
from negatives.models.open_encoder import open_encoder
from negatives.needs import refuse_unmet
from negatives.schema import Collection


def fitting_base(
    arms: Sequence[Arm],
    collection: Collection,
    judged: Collection,
    *,
    model: str,
    encoder: str,
    machine: Machine,
) -> Base:
    """The model that all arms start from, once nothing is found that speaks against them.

    `collection` is trained with and `judged` is judged by; `encoder` mines. Raises `InputError` for
    what is wrong.
    """
    training = cast("Training", arms[0].recipe.train)
    refuse_unmet((training,), collection)
    refuse_unmet((training,), judged)
    refuse_unjudged(judged, "no query is left to judge by that has a positive")
    if isinstance(training, LessonTraining):
        training.refuse_dev(DevSet.of(judged), collection)
    base = open_base(training, model, 0, machine)
    for arm in arms:
        loss = cast("Loss", arm.recipe.learn)
        refuse_loss(cast("Training", arm.recipe.train), loss)
        refuse_unmet((loss,), collection)
        if loss.sees_own_alone and not arm.mined:
            raise RecipeError(
                f"{loss.kind} learns from a query's own negatives alone, and {arm.name!r} has none",
                where="learn.kind",
                fix="--control off leaves that arm out; or take a loss of the whole batch, such as "
                "--set learn.kind=multiple-negatives",
            )
        if arm.recipe.choose is not None:
            refuse_unmet((cast("Chooser", arm.recipe.choose),), collection)
    losses = [cast("Loss", arm.recipe.learn) for arm in arms]
    for loss in {repr(each): each for each in losses}.values():
        opened_guide(loss, machine, silent)
    if encoder != model:
        open_encoder(encoder, threads=machine.threads, device=machine.device)
    return base

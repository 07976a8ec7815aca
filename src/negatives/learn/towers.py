"""Training of two small towers: images and texts in one space, from nothing but pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.base_models import Base
from negatives.learn.loss import Loss
from negatives.learn.settings import Count, Learning, Lesson, LessonTraining
from negatives.models.towers import device_of, names_towers
from negatives.optional import torch
from negatives.schema import Floats, Needs, Rows, Side
from negatives.stage import PositiveInt

if TYPE_CHECKING:
    from negatives.learn.dev import DevSet, Encode


class TowersTraining(LessonTraining, kind="towers"):
    """Train a small tower of images and one of texts (the losses of CLIP, Radford et al. 2021).

    Either side of a collection may be images or texts. The towers are small enough for a laptop, so
    that methods can be compared; they are no substitute for a model that saw millions of pairs.

    >>> from negatives.learn.towers import TowersTraining
    >>> training = TowersTraining(dim=64, size=32)
    >>> training.peak, training.needs.docs
    (0.001, ())
    """

    rate: ClassVar[float] = 1e-3
    loaded_by: ClassVar[str] = ""
    task: ClassVar[str] = "feature-extraction"
    usual_recipe: ClassVar[str] = "clip"
    reads_texts: ClassVar[bool] = False
    by_row: ClassVar[bool] = True

    dim: Annotated[PositiveInt, Meta(description="numbers of each vector")] = 128
    size: Annotated[
        int, Meta(ge=16, le=512, description="height and width, in pixels, that an image is made")
    ] = 64
    max_length: Annotated[PositiveInt, Meta(description="pieces of a text that are read")] = 32
    epochs: Annotated[PositiveInt, Meta(description="passes over the examples")] = 20
    batch_size: Annotated[PositiveInt, Meta(description="examples a batch")] = 128
    negatives: Annotated[Count, Meta(description="negatives an example, at most")] = 4

    @property
    def needs(self) -> Needs:
        """Images or texts: which, is seen when the data are read."""
        return Needs()

    def check(self) -> None:
        """Adapters have no place here."""
        super().check()
        if self.lora:
            raise RecipeError(
                "towers are trained whole",
                where=f"train.lora = {self.lora}",
                fix="set train.lora=0",
            )

    def open(self, name: str, *, threads: int, device: str) -> Base:
        """New towers where no model is named (`static` stands for that), or those of a folder."""
        from negatives.learn.id_trainer import id_trainer
        from negatives.learn.pictured import Pictured

        torch.set_num_threads(threads)
        if names_towers(name):
            towers = Pictured.load(Path(name))
        elif name == "static":
            towers = Pictured.begun(self.dim, self.size, self.max_length)
        else:
            raise RecipeError(
                f"{name!r} holds no towers, which {self.kind} trains",
                where="--model",
                fix="leave it out to begin anew, or name a folder that such a training made",
            )
        return Base(name, towers.to(device_of(device)), *id_trainer())

    def refuse(self, loss: Loss) -> None:
        """A guide, or a bank, would be of texts."""
        if loss.needs_bank or loss.needs_guide:
            raise RecipeError(
                f"the loss {loss.kind!r} encodes the texts of both sides, and one is of images",
                where="learn.kind",
                fix="take another, such as multiple-negatives",
            )

    def prepare(self, base: Base, lesson: Lesson) -> Learning:
        """Rows of both sides, encoded by the towers and compared by the loss."""
        from negatives.learn.id_module import IdCollator, IdLossModule

        found = lesson.rows.training_set
        base.model.fit(found.collection)
        module = IdLossModule(
            base.model,
            lesson.loss,
            lesson.rows,
            weighing=lesson.weighing,
            steps=lesson.steps,
            name=found.name,
        )
        return Learning(range(len(found)), IdCollator(lesson.rows, lesson.draws), module)

    def look(self, dev: DevSet, frozen: Encode | None) -> Callable[[Any], float]:
        """How well queries find their documents among others."""
        from negatives.learn.pictured import numbers_of

        read: dict[Side, Any] = {}

        def of_towers(model: Any) -> float:
            def vectors(side: Side, rows: Rows) -> Floats:
                if side not in read:  # once: the rows are the same at every look
                    read[side] = numbers_of(model, dev.collection, side, rows)
                made: Floats = model.of(*read[side])
                return made

            return dev.ndcg_of_rows(vectors)

        return of_towers

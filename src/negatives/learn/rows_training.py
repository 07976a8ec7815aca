"""Training of a small model that gives the vectors of a side by row: what such trainers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from negatives.errors import RecipeError
from negatives.learn.settings import Learning, Lesson, LessonTraining
from negatives.schema import Collection, Floats, Rows, Side

if TYPE_CHECKING:
    from negatives.learn.base_models import Base
    from negatives.learn.dev import DevSet, Encode
    from negatives.learn.loss import Loss


class ByRow(Protocol):
    """A model of such a trainer."""

    def fit(self, collection: Collection) -> None:
        """Have the contents of every row of a collection."""

    def read(self, collection: Collection, side: Side, rows: Rows) -> Any:
        """What it reads of some rows of another collection, as `of` takes it."""

    def of(self, read: Any) -> Floats:
        """float32[n, dim]: the vectors of what was read."""


class RowsTraining(LessonTraining, kw_only=True):
    """A trainer of a model that is `ByRow`, and whole."""

    loaded_by: ClassVar[str] = ""
    task: ClassVar[str] = "feature-extraction"
    reads_texts: ClassVar[bool] = False
    by_row: ClassVar[bool] = True
    contents: ClassVar[tuple[str, ...]]
    """What its models can read; of a side that has several, the first."""
    read_here: ClassVar[str]
    """What its models read, for errors."""

    @classmethod
    def reads(cls, collection: Collection) -> bool:
        """Whether both sides of a collection have what its models can read."""
        sides: tuple[Side, ...] = ("docs", "queries")
        return all(any(collection.has(side, each) for each in cls.contents) for side in sides)

    def refuse(self, loss: Loss) -> None:
        """A guide, or a bank, would be of texts."""
        if loss.needs_bank or loss.needs_guide:
            raise RecipeError(
                f"the loss {loss.kind!r} encodes the texts of both sides, and {self.kind} read "
                f"{self.read_here}",
                where="learn.kind",
                fix="take another, such as multiple-negatives",
            )

    def prepare(self, base: Base, lesson: Lesson) -> Learning:
        """Rows of both sides, encoded by the model and compared by the loss."""
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
        read: dict[Side, Any] = {}

        def of_model(model: ByRow) -> float:
            def vectors(side: Side, rows: Rows) -> Floats:
                if side not in read:  # once: the rows are the same at every look
                    read[side] = model.read(dev.collection, side, rows)
                return model.of(read[side])

            return dev.ndcg_of_rows(vectors)

        return of_model

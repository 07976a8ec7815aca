"""Training of rerankers: cross-encoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.base_models import Base, open_base
from negatives.learn.loss import ListLoss, Loss
from negatives.learn.settings import Learning, Lesson, TextTraining
from negatives.stage import PositiveInt

if TYPE_CHECKING:
    from negatives.learn.dev import DevSet, Encode


class RerankerTraining(TextTraining, kind="reranker"):
    """Train a cross-encoder: query and document in, one score out.

    >>> from negatives.learn.reranker import RerankerTraining
    >>> training = RerankerTraining(batch_size=8, soft=True)
    >>> training.usual_loss, training.task
    ('softmax-list', 'text-ranking')
    """

    usual_loss: ClassVar[str] = "softmax-list"
    loaded_by: ClassVar[str] = "CrossEncoder"
    task: ClassVar[str] = "text-ranking"
    of_negatives: ClassVar[tuple[str, ...]] = ("negatives", "redraw", "labels", "soft")
    weighs_rows: ClassVar[bool] = False
    encodes: ClassVar[bool] = False
    reranks: ClassVar[bool] = True
    measured_on: ClassVar[str] = "DATA@dev --rerank bm25"

    batch_size: Annotated[PositiveInt, Meta(description="queries a batch, with their lists")] = 16
    soft: Annotated[
        bool,
        Meta(description="a negative's target is its p_relevant rather than 0, where it has one"),
    ] = False

    def open(self, name: str, *, threads: int, device: str) -> Base:
        """A cross-encoder, or a text encoder that gets a head."""
        if name == "static":
            raise RecipeError(
                "the built-in table cannot be a reranker",
                where="--model static",
                fix="name a text encoder, such as a MiniLM folder, or a cross-encoder",
            )
        return open_base(name, self.loaded_by, threads=threads, device=device, num_labels=1)

    def refuse(self, loss: Loss) -> None:
        """There are scores of a list, and no embeddings."""
        if not isinstance(loss, ListLoss):
            raise RecipeError(
                f"the loss {loss.kind!r} needs embeddings, and a reranker has none",
                where="learn.kind",
                fix="use a loss of lists, such as softmax-list or pointwise",
            )

    def prepare(self, base: Base, lesson: Lesson) -> Learning:
        """Queries with their lists of documents."""
        from negatives.learn.rerank_module import RerankModule

        module = RerankModule(base.model, cast("ListLoss", lesson.loss))
        return Learning(lesson.rows.lists(self.soft), None, module)

    def look(self, dev: DevSet, frozen: Encode | None) -> Callable[[Any], float]:
        """How well it orders a list of each query."""
        return dev.look_of_reranker()

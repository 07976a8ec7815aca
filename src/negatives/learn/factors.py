"""Training by id: a vector of each query and of each document, learned from pairs alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.base_models import Base
from negatives.learn.estimates import probable
from negatives.learn.loss import Loss
from negatives.learn.settings import Count, Learning, Lesson, LessonTraining
from negatives.models.by_id import names_ids
from negatives.optional import Tensor, torch
from negatives.schema import Collection, Needs
from negatives.stage import PositiveInt, Share

if TYPE_CHECKING:
    import polars as pl

    from negatives.learn.dev import DevSet, Encode


class FactorsTraining(LessonTraining, kind="factors"):
    """Train a vector of each query and of each document by id: matrix factorisation.

    Where all of a recipe's sources are draws (`random`, `popularity`, `dynamic`), nothing is mined:
    at every step the examples have `negatives` that are drawn anew, never a known positive, shared
    out by the sources' `top`. Of a run it takes the negatives of the run.

    >>> from negatives.learn.factors import FactorsTraining
    >>> training = FactorsTraining(dim=32, negatives=8)
    >>> training.peak, training.draws, training.needs.docs
    (0.005, True, ())
    """

    rate: ClassVar[float] = 5e-3
    usual_recipe: ClassVar[str] = "bpr"
    loaded_by: ClassVar[str] = ""
    task: ClassVar[str] = "other"
    of_negatives: ClassVar[tuple[str, ...]] = (
        *("negatives", "redraw", "labels", "refresh", "estimates", "max_p"),
    )
    reads_texts: ClassVar[bool] = False
    draws: ClassVar[bool] = True
    by_id: ClassVar[bool] = True
    by_row: ClassVar[bool] = True

    dim: Annotated[PositiveInt, Meta(description="numbers of each vector")] = 64
    epochs: Annotated[PositiveInt, Meta(description="passes over the examples")] = 20
    batch_size: Annotated[PositiveInt, Meta(description="examples a batch")] = 1024
    negatives: Annotated[Count, Meta(description="negatives an example, at most")] = 4
    regularisation: Annotated[
        float, Meta(ge=0, description="of the squared length of each vector in a batch")
    ] = 0.0
    estimates: Annotated[
        str, Meta(description="a run whose p_relevant says what is not drawn; empty: none")
    ] = ""
    max_p: Annotated[
        Share, Meta(description="a document whose p_relevant is above it is never drawn")
    ] = 1.0
    refresh: Annotated[
        Count, Meta(description="steps between minings with the model as it is; 0: never again")
    ] = 0

    @property
    def needs(self) -> Needs:
        """Nothing but ids."""
        return Needs()

    @property
    def refresh_every(self) -> int:
        """As `refresh` says."""
        return self.refresh

    def check(self) -> None:
        """What bounds p_relevant needs estimates."""
        super().check()
        if bool(self.estimates) != (self.max_p < 1):
            raise RecipeError(
                "a bound of p_relevant and the run that estimates it go together",
                where=f"train.estimates = {self.estimates!r}, train.max_p = {self.max_p:g}",
                fix="--set train.estimates=RUN --set train.max_p=0.5",
            )

    def never(self, collection: Collection) -> pl.DataFrame | None:
        """What the run of `estimates` says is too probably relevant."""
        return probable(self.estimates, self.max_p, collection) if self.estimates else None

    def open(self, name: str, *, threads: int, device: str) -> Base:
        """Empty tables where no model is named (`static` stands for that), or those of a folder."""
        from negatives.learn.id_tables import IdTables
        from negatives.learn.id_trainer import id_trainer

        torch.set_num_threads(threads)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if names_ids(name):
            model = IdTables.load(Path(name), device)
        elif name == "static":
            model = IdTables(device)
        else:
            raise RecipeError(
                f"{name!r} holds no vectors by id, which {self.kind} trains",
                where="--model",
                fix="leave it out to begin anew, or name a folder that such a training made",
            )
        return Base(name, model, *id_trainer())

    def refuse(self, loss: Loss) -> None:
        """Nothing encodes the texts that a guide, or a bank, would be of."""
        if loss.needs_bank or loss.needs_guide:
            raise RecipeError(
                f"the loss {loss.kind!r} encodes texts, and these have nothing but ids",
                where="learn.kind",
                fix="take another, such as pairwise, sampled-softmax or pointwise",
            )

    def prepare(self, base: Base, lesson: Lesson) -> Learning:
        """Rows of the two tables, compared by the loss."""
        from negatives.learn.id_module import IdCollator, IdLossModule

        found = lesson.rows.training_set
        base.model.fit(found.collection, self.dim, lesson.loss, lesson.seed)
        module = IdLossModule(
            base.model,
            lesson.loss,
            lesson.rows,
            weighing=lesson.weighing,
            steps=lesson.steps,
            regulariser=partial(_squares, self.regularisation) if self.regularisation else None,
            name=found.name,
        )
        return Learning(range(len(found)), IdCollator(lesson.rows, lesson.draws), module)

    def refuse_dev(self, dev: DevSet, train: Collection) -> None:
        """Ids that are not trained have no vector."""
        from negatives.learn.dev import rows_in

        asked = dev.collection.queries["query_id"].gather(dev.queries)
        trained = train.queries["query_id"]
        rows_in(trained, asked.filter(asked.is_in(trained.implode())), dev.collection)
        rows_in(train.corpus["doc_id"], dev.collection.corpus["doc_id"], dev.collection)

    def look(self, dev: DevSet, frozen: Encode | None) -> Callable[[Any], float]:
        """How well it ranks all documents but those known from training."""
        return dev.look_of_tables()


def _squares(weight: float, queries: Tensor, docs: Tensor) -> Tensor:
    """The mean squared length of the queries' vectors, and that of their documents'."""
    return weight * ((queries**2).sum(-1).mean() + (docs**2).sum(-1).mean())

"""Training of text encoders, dense ones and static embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta

from negatives.errors import DataError, RecipeError
from negatives.learn.base_models import Base, is_static, open_base, usual_kind
from negatives.learn.loss import Regulariser
from negatives.learn.settings import Count, Learning, Lesson, TextTraining
from negatives.models.torch_model import both_sides
from negatives.optional import torch

if TYPE_CHECKING:
    from negatives.learn.dev import DevSet, Encode


class EncoderTraining(TextTraining, kind="encoder"):
    """Train a dense text encoder, with sentence-transformers' trainer.

    >>> from negatives.learn.encoder import EncoderTraining
    >>> training = EncoderTraining(epochs=2, batch_size=32, frozen="docs")
    >>> training.peak, training.docs_frozen, training.usual_loss
    (2e-05, True, 'multiple-negatives')
    """

    of_negatives: ClassVar[tuple[str, ...]] = ("negatives", "redraw", "labels", "refresh")
    caches_gradients: ClassVar[bool] = True
    of_tokens: ClassVar[bool | None] = False
    """Whether its models are static embeddings; None: it does not matter."""

    chunk: Annotated[
        Count,
        Meta(description="texts encoded at a time, with gradient caching; 0: the whole batch"),
    ] = 0
    frozen: Annotated[
        Literal["nothing", "docs"],
        Meta(
            description="docs: documents keep the vectors of the model it starts from, which are "
            "looked up, and the side of the queries alone learns"
        ),
    ] = "nothing"
    refresh: Annotated[
        Count, Meta(description="steps between minings with the model as it is; 0: never again")
    ] = 0

    @property
    def docs_frozen(self) -> bool:
        """As `frozen` says."""
        return self.frozen == "docs"

    @property
    def refresh_every(self) -> int:
        """As `refresh` says."""
        return self.refresh

    @property
    def regulariser(self) -> Regulariser | None:
        """What is added to the loss; None: nothing."""
        return None

    def kind_for(self, model: str) -> str:
        """A static embedding has a trainer of its own, which differs by its learning rate."""
        return usual_kind(model) if self.of_tokens is False else self.kind

    def open(self, name: str, *, threads: int, device: str) -> Base:
        """A model of one side, dense or static as its kind says."""
        base = open_base(name, self.loaded_by, threads=threads, device=device)
        if both_sides(base.model) is not None:
            raise DataError(
                "a model with a side for queries and one for documents cannot be trained further",
                where=name,
                fix="train the model that it was made of, for as many steps as both together",
            )
        static = is_static(base.model)
        if self.of_tokens is not None and static != self.of_tokens:
            raise RecipeError(
                f"{name!r} is {'' if static else 'no '}static embedding",
                where=f"train.kind = {self.kind!r}",
                fix=f"--kind {usual_kind(name) if static else 'encoder'}, which keeps all other "
                "settings; or another --model",
            )
        return base

    def prepare(self, base: Base, lesson: Lesson) -> Learning:
        """Columns of texts, encoded and compared in the batch."""
        from negatives.learn.collator import Collator
        from negatives.learn.module import LossModule

        found = lesson.rows.training_set
        module = LossModule(
            base.model,
            lesson.loss,
            chunk=self.chunk,
            weighing=lesson.weighing,
            steps=lesson.steps,
            regulariser=self.regulariser,
            name=found.name,
        )
        bank = None
        if lesson.loss.needs_bank:
            bank = found.doc_keys[found.bank]
            vectors = torch.as_tensor(lesson.vectors(found.bank), device=base.model.device)
            module.losses.fill(vectors)
        collator = Collator(base.model.preprocess, found.known, bank=bank)
        return Learning(lesson.rows.columns(), collator, module)

    def look(self, dev: DevSet, frozen: Encode | None) -> Callable[[Any], float]:
        """How well it ranks all documents drawn."""
        return dev.look_of_encoder(frozen)


class StaticTraining(EncoderTraining, kind="static-embedding"):
    """Train a static embedding: one vector a token, their mean a text.

    >>> from negatives.learn.encoder import StaticTraining
    >>> StaticTraining().peak, StaticTraining(learning_rate=0.05).peak
    (0.01, 0.05)
    """

    rate: ClassVar[float] = 1e-2
    by_cosine: ClassVar[bool] = True
    of_tokens: ClassVar[bool | None] = True

"""Training of language models, by what is right and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.base_models import Base
from negatives.learn.sequence.loss import SequenceLoss
from negatives.learn.settings import Adapters, Count, ModelTraining
from negatives.stage import PositiveInt

if TYPE_CHECKING:
    from negatives.learn.loss import Loss


class LanguageModelTraining(ModelTraining, kind="language-model"):
    """Train a causal language model on right and wrong responses, with transformers' trainer.

    >>> from negatives.learn.sequence.language_model import LanguageModelTraining
    >>> training = LanguageModelTraining(batch_size=8, chunk=2)
    >>> training.peak, training.usual_loss, training.gives
    (1e-05, 'npo', 'sequences')
    """

    rate: ClassVar[float] = 1e-5
    usual_loss: ClassVar[str] = "npo"
    gives: ClassVar[str] = "sequences"
    library: ClassVar[str] = "transformers"
    loaded_by: ClassVar[str] = "AutoModelForCausalLM"
    loading: ClassVar[str] = ".from_pretrained"
    task: ClassVar[str] = "text-generation"
    measured_on: ClassVar[str] = "DATA --retrained MODEL"
    weighs_rows: ClassVar[bool] = False
    encodes: ClassVar[bool] = False
    caches_gradients: ClassVar[bool] = True

    batch_size: Annotated[PositiveInt, Meta(description="examples a step")] = 16
    negatives: Annotated[
        PositiveInt, Meta(description="wrong responses that a right one is compared with, at most")
    ] = 7
    max_length: Annotated[
        Count, Meta(description="tokens of prompt and response; 0: all that the model can")
    ] = 0
    lora: Adapters = 0
    chunk: Annotated[
        Count,
        Meta(description="examples read at a time, their gradients added; 0: the whole batch"),
    ] = 0
    between: Annotated[str, Meta(description="stands between prompt and response")] = "\n"
    ends: Annotated[
        bool, Meta(description="the token that ends a text is learned after each response")
    ] = True
    from_wrong_step: Annotated[
        bool,
        Meta(
            description="of a wrong response whose steps are labelled, the first wrong step and "
            "what follows count; right steps before it are read as the prompt is"
        ),
    ] = False
    until: Annotated[
        float,
        Meta(
            ge=0,
            description="stops once wrong responses have this negative log-likelihood a token; "
            "0: never",
        ),
    ] = 0.0

    def open(self, name: str, *, threads: int, device: str) -> Base:
        """A causal language model."""
        from negatives.learn.sequence.trainer import language_base

        if name == "static":
            raise RecipeError(
                "the built-in table is no language model",
                where="--model static",
                fix="--model FOLDER of a causal language model, or its hub name",
            )
        return language_base(name, threads=threads, device=device)

    def refuse(self, loss: Loss) -> None:
        """A loss of the whole batch, where that is read in parts."""
        if self.chunk and cast("SequenceLoss", loss).whole_batch:
            raise RecipeError(
                f"the loss {loss.kind!r} compares the examples of a batch with each other, and "
                "they are read in parts",
                where=f"train.chunk = {self.chunk}",
                fix="set train.chunk=0, and train.batch_size to fewer",
            )

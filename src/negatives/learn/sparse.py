"""Training of sparse encoders, with a price on what they activate (Paria et al., 2020)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.dev import DevSet, Encode
from negatives.learn.encoder import EncoderTraining
from negatives.learn.loss import Loss, Regulariser
from negatives.optional import Tensor


class SparseTraining(EncoderTraining, kind="sparse"):
    """Train a sparse encoder (SPLADE), with sentence-transformers' trainer.

    >>> import torch
    >>> from negatives.learn.sparse import SparseTraining
    >>> price = SparseTraining(flops_query=0.5, flops_doc=0.1).regulariser
    >>> queries, docs = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 3.0]])
    >>> price(queries, docs).item()
    1.5
    """

    loaded_by: ClassVar[str] = "SparseEncoder"
    task: ClassVar[str] = "feature-extraction"
    of_tokens: ClassVar[bool | None] = None
    encodes: ClassVar[bool] = False

    flops_query: Annotated[
        float, Meta(ge=0, description="weight of the squared mean activations of queries")
    ] = 5e-5
    flops_doc: Annotated[
        float, Meta(ge=0, description="weight of the squared mean activations of documents")
    ] = 3e-5

    @property
    def regulariser(self) -> Regulariser:
        """The price of a sparse vector: how many operations it costs to compare."""

        def regulariser(queries: Tensor, docs: Tensor) -> Tensor:
            return self.flops_query * flops(queries) + self.flops_doc * flops(docs)

        return regulariser

    def look(self, dev: DevSet, frozen: Encode | None) -> Callable[[Any], float]:
        """How well it ranks all documents drawn, by the words that it weighs."""
        return dev.look_of_sparse()

    def refuse(self, loss: Loss) -> None:
        """Both sides learn, and mining has no use for what is learned."""
        if self.docs_frozen:
            raise RecipeError(
                "a sparse encoder learns both sides",
                where='train.frozen = "docs"',
                fix='set train.frozen="nothing"',
            )
        if self.refresh:
            raise RecipeError(
                "negatives cannot be mined again with a sparse encoder",
                where="train.refresh",
                fix="set train.refresh to 0",
            )


def flops(vectors: Tensor) -> Tensor:
    """The sum over dimensions of the squared mean absolute activation; `vectors` [..., dim]."""
    return (vectors.flatten(0, -2).abs().mean(dim=0) ** 2).sum()

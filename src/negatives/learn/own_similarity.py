"""By what a model compares its vectors, and a loss that compares them otherwise."""

from __future__ import annotations

from typing import Any

from negatives.events import Emit, Warned
from negatives.learn.base_models import Base
from negatives.learn.loss import Loss

COSINE = "cosine"


def own_similarity(model: Any) -> str:
    """What a model of sentence-transformers was made to compare its vectors by; empty: unknown.

    By the cosine where its last module makes vectors of unit length, else as its configuration
    says. The public name is not asked: it says "cosine" of every model that says nothing.
    """
    modules = list(model.children())
    if modules and type(modules[-1]).__name__ == "Normalize":
        return COSINE
    return str(getattr(model, "_similarity_fn_name", None) or "")


def warn_of_products(base: Base, loss: Loss, emit: Emit) -> None:
    """Tell where a loss takes plain dot products of vectors that were made for the cosine."""
    if loss.plain_products and own_similarity(base.model) == COSINE:
        emit(
            Warned(
                f"the loss {loss.kind!r} compares by the dot product at temperature 1, and "
                f"{base.name!r} was made to compare by the cosine: logits within [-1, 1] teach "
                "little, and a table made for the cosine ranks badly by the dot product; "
                "--set learn.similarity=cosine --set learn.temperature=0.05 compares as it does"
            )
        )

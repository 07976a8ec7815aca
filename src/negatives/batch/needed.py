"""The vectors a batcher cannot do without."""

from __future__ import annotations

import numpy as np

from negatives.arrays import Floats
from negatives.batch.examples import Examples
from negatives.errors import RecipeError


def query_vectors(examples: Examples, kind: str) -> Floats:
    """float32[n, dim]: the query of each row; `RecipeError` naming `kind` where there are none."""
    if examples.query_vectors is None:
        raise missing(kind)
    return np.ascontiguousarray(examples.query_vectors()[examples.query], np.float32)


def positive_vectors(examples: Examples, kind: str) -> Floats:
    """float32[n, dim]: the positive of each row; `RecipeError` naming `kind` without vectors."""
    if examples.doc_vectors is None:
        raise missing(kind)
    return np.ascontiguousarray(examples.doc_vectors()[examples.docs[:, 0]], np.float32)


def missing(kind: str) -> RecipeError:
    """What is said of a batcher of this kind that is given no vectors."""
    return RecipeError(
        f"{kind} batches need vectors of the texts, and there are none",
        where="[batch]",
        fix='train with an encoder, or use kind = "conflict-free"',
    )

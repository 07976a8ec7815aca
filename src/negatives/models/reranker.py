"""The reranker protocol: what turns pairs of texts into scores.

A reranker reads query and document together, so it judges a pair better than two vectors can, and
costs a pass of the whole model for every pair. `open_reranker` opens one by its specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from negatives.arrays import Floats

Pair = tuple[str, str]
"""Query text, document text."""


class Reranker(Protocol):
    """Turns pairs of texts into scores."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the scores would: a hash of the weights and of what reads the texts."""

    def score(self, pairs: Sequence[Pair]) -> Floats:
        """float32[pairs]: log-odds of relevance as the model sees it; any real number, no NaN.

        Each distinct pair is computed once. Raises `DataError` with the first offending pairs where
        the model gives no number.
        """

"""Scoring as a pass: chunks of pairs of texts to scores, by a reranker that others open again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from negatives.arrays import Floats
from negatives.models.reranker import Reranker

OpenAgain = Callable[[], Reranker]
"""Opens a reranker in another process; it can be pickled."""
Numbered = tuple[int, list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class ScoreTexts:
    """Scores a chunk of pairs of texts."""

    reranker: Reranker
    again: OpenAgain | None

    def __reduce__(self) -> tuple[object, ...]:
        return _opened_again, (self.again,)

    def __call__(self, chunk: Numbered) -> tuple[int, Floats, float]:
        """The number of the chunk, its scores, and the seconds that they took."""
        began = time.perf_counter()
        number, texts = chunk
        return number, self.reranker.score(texts), time.perf_counter() - began


def _opened_again(again: OpenAgain) -> ScoreTexts:
    return ScoreTexts(again(), again)

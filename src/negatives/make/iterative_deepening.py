"""Negatives that are asked for again, more of them each time, until one of them is hard enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from negatives.arrays import Bools, Rows
from negatives.make.asking import Asking, Foreseeing
from negatives.make.worth import Worth
from negatives.make.written import PassageWriter
from negatives.models.language_model import Words
from negatives.models.prompt import Filling
from negatives.opening import Context
from negatives.settings import ModelName


class IterativeDeepening(PassageWriter, kind="iterative-deepening"):
    """One passage is asked for, then two, then four, until one is hard and no answer.

    Chen et al. (2025), iterative deepening sampling, trigger a model's correction of itself at
    growing budgets. A reconstruction from the abstract: what triggers asking again is an encoder,
    which finds no passage of a reply at least `hard` of the way to the query that a positive is,
    or finds them so near that a judge would take them for answers. Of all that was written for a
    query the best are kept. Easy queries cost one call, others up to `depth`.

    >>> from negatives.make.iterative_deepening import IterativeDeepening
    >>> IterativeDeepening(model="http://127.0.0.1:8080/v1#qwen", depth=3).calls_each
    3
    """

    depth: Annotated[int, Meta(ge=1, le=5, description="questions about one query, at most")] = 3
    keep: Annotated[int, Meta(ge=1, description="passages that are kept, the hardest")] = 1
    hard: Annotated[
        float, Meta(ge=0, le=1, description="share of the positive's cosine that is hard enough")
    ] = 0.6
    rejected: Annotated[
        float, Meta(gt=0, le=1, description="share of it from which on a passage is an answer")
    ] = 0.95
    encoder: Annotated[
        ModelName, Meta(description="what says how near texts are, as in [[find]]")
    ] = "static"

    words: ClassVar[Mapping[str, Words]] = {
        "make-negatives": Words(("query",), ("positives",), ("count",))
    }

    @property
    def calls_each(self) -> int:
        """A question at each depth."""
        return self.depth

    @property
    def longest(self) -> int:
        """Some two hundred tokens a passage, of the deepest question."""
        return 220 * (1 << (self.depth - 1)) + 20

    def lets_pass(self, context: Context, rows: Rows, texts: Sequence[str]) -> Bools:
        """Those that an encoder finds farther from the query, and from its positive, than answers
        are.
        """
        worth = Worth(context, self.encoder, self.rejected).of([int(row) for row in rows], texts)
        passes: Bools = worth > 0
        return passes

    def made(self, context: Context, rows: Rows, ask: Asking) -> list[tuple[Any, ...]]:
        """The best of what was written for each query, hardest first."""
        worth = None if isinstance(ask, Foreseeing) else Worth(context, self.encoder, self.rejected)
        found: list[tuple[float, int, str]] = []
        left = rows
        for turn in range(self.depth):
            if not len(left):
                break
            shown: list[dict[str, Filling]] = [{"count": 2**turn, "positives": []} for _ in left]
            written = self.passages(context, left, ask, shown)
            if worth is None:
                continue
            values = worth.of([row for row, *_ in written], [text for _, text, _ in written])
            found += [
                (float(value), int(row), text)
                for value, (row, text, _) in zip(values, written, strict=True)
            ]
            enough = {row for value, row, _ in found if value >= self.hard}
            left = left[~np.isin(left, list(enough))]
        kept: dict[int, list[str]] = {}
        for value, row, text in sorted(found, key=lambda each: (each[1], -each[0])):
            texts = kept.setdefault(row, [])
            if value <= 0:
                ask.dropped["too near to the positive, or to nothing"] += 1
            elif len(texts) < self.keep and text not in texts:
                texts.append(text)
            else:
                ask.dropped["easier than those kept"] += 1
        return [(row, text, None) for row, texts in sorted(kept.items()) for text in texts]

"""Verbalized sampling: several passages in one reply, each with how probable the model finds it.

Zhang et al. 2025, "Verbalized Sampling: How to Mitigate Mode Collapse and Unlock LLM Diversity":
asked the same five times, an aligned model writes the same passage five times; asked once for five
passages and their probabilities, it writes five. The numbers do not add up and are not calibrated:
they are renormalised before anything is drawn by them, and never weigh an example.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
from msgspec import Meta

from negatives.arrays import Doubles, Rows
from negatives.make.drawn import query_draws
from negatives.make.written import PassageWriter
from negatives.models.language_model import Words
from negatives.models.prompt import Filling
from negatives.opening import Context


class Response(msgspec.Struct, frozen=True):
    """A passage, and the probability that the model gives it, as it writes it."""

    text: str
    probability: float | str = 1.0


class Responses(msgspec.Struct, frozen=True):
    """What a model is to answer."""

    responses: list[Response]


class Verbalized(PassageWriter, kind="verbalized"):
    """Several different negatives of one reply: all of them, or some drawn by their probability.

    >>> from negatives import Verbalized
    >>> Verbalized(model="http://127.0.0.1:8080/v1#qwen", asked=5).longest
    700
    """

    asked: Annotated[int, Meta(ge=1, le=20, description="passages in one reply")] = 5
    keep: Annotated[int, Meta(ge=0, description="passages that are kept of it; 0: all")] = 0
    by: Annotated[
        Literal["probability", "inverse"],
        Meta(description="which are likelier to be kept: the probable, or the improbable ones"),
    ] = "probability"
    below: Annotated[
        float, Meta(gt=0, le=1, description="ask for passages less probable than this; 1: any")
    ] = 1.0

    words: ClassVar[Mapping[str, Words]] = {
        "make-verbalized": Words(("query",), flags=("count", "thousandths"))
    }
    reply: ClassVar[type[msgspec.Struct]] = Responses

    @property
    def several(self) -> int:
        """As many as are asked for."""
        return self.asked

    @property
    def longest(self) -> int:
        """A hundred and twenty tokens a passage."""
        return 120 * self.asked + 100

    def shown(self, context: Context, rows: Rows) -> list[dict[str, Filling]]:
        """How many are wanted, and from which tail."""
        tail = round(1000 * self.below) if self.below < 1 else 0
        return [{"count": self.asked, "thousandths": tail} for _ in rows]

    def texts_of(
        self, reply: Any, context: Context, query: int
    ) -> Sequence[tuple[str, int | None]]:
        """The passages with a text, each once, or those that are drawn."""
        texts: dict[str, float] = {}
        for each in reply.responses[: self.asked]:
            if each.text.strip():
                texts.setdefault(each.text.strip(), chance(each.probability))
        if not self.keep or len(texts) <= self.keep:
            return [(text, None) for text in texts]
        weight = renormalised(list(texts.values()))
        if self.by == "inverse":
            weight = renormalised((1 / np.maximum(weight, 1e-6)).tolist())
        row = np.array([query], np.uint32)
        draws = [
            float(query_draws(context, row, f"{self.kind}/{place}")[0])
            for place in range(len(texts))
        ]
        # weighted sampling without replacement (Efraimidis and Spirakis, 2006)
        keys = -np.log(draws) / np.maximum(weight, 1e-12)
        kept = sorted(np.argsort(keys, kind="stable")[: self.keep].tolist())
        return [(text, None) for place, text in enumerate(texts) if place in kept]


def chance(written: float | str) -> float:
    """A probability as models write it, such as 0.2 or "20%"; not a number, or below 0: 0.

    >>> chance("20%"), chance(0.4), chance("often")
    (0.2, 0.4, 0.0)
    """
    try:
        found = float(str(written).strip().rstrip("%")) / (100 if "%" in str(written) else 1)
    except ValueError:
        return 0.0
    return found if math.isfinite(found) and found > 0 else 0.0


def renormalised(chances: Sequence[float]) -> Doubles:
    """The chances as a distribution, in the same order; all equal where none is above 0.

    >>> renormalised([0.3, 0.3]).tolist()
    [0.5, 0.5]
    """
    found = np.asarray(chances, np.float64)
    total = found.sum()
    return found / total if total > 0 else np.full(len(found), 1 / max(1, len(found)))

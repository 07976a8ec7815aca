"""A cascade of two language models: a small one, and a large one on what the small one flags."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from negatives.judge.asking import Asking
from negatives.judge.llm import LLMJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.settings import ModelName


class LLMCascade(LLMJudge, kind="llm-cascade", kw_only=True):
    """Asks a small language model about every pair, and a large one about those it flags.

    After RLHN (Thakur et al. 2025): a cheap model screens, a strong one decides, and what both take
    for relevant is none of the negatives; with `--relabel` it becomes a positive. What the small
    model lets pass the large one never sees, so `flag` is low: a pair goes on from this probability
    of being relevant, or this grade, and so does one whose answer cannot be read. The score is that
    of the large model where it was asked.

    >>> from negatives import LLMCascade
    >>> judge = LLMCascade(model="http://127.0.0.1:8080/v1#small", large="http://127.0.0.1:8081/v1#big")
    >>> judge.flag, judge.column
    (0.2, 'llm_cascade_score')
    """

    scores: ClassVar[tuple[str, ...]] = ("llm_cascade_score",)
    evidence: ClassVar[Mapping[str, int]] = {"llm_cascade_held": 1}

    large: Annotated[
        ModelName, Meta(min_length=1, description="URL#NAME of the large model, as for model")
    ]
    large_key: Annotated[
        str, Meta(description="env:NAME of the variable that holds its key; empty: api_key")
    ] = ""
    flag: Annotated[
        float,
        Meta(
            ge=0,
            le=3,
            description="probability of being relevant, or grade, from which the large is asked",
        ),
    ] = 0.2

    @property
    def keys(self) -> Mapping[str, str]:
        """Of both models."""
        return {"": self.api_key, self.large: self.large_key or self.api_key}

    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """Of the small model, and of the large one where that flags."""
        made = self.asked_of("", pairs, ask)
        line = self.flag
        if self.mode == "yes-no":
            line = math.log(line / (1 - line)) if 0 < line < 1 else math.inf * (line - 0.5)
        flagged = np.flatnonzero([not score < line for score in made])
        ask.figures["passed on"] += len(flagged)
        for place, score in zip(
            flagged.tolist(), self.asked_of(self.large, pairs.some(flagged), ask), strict=True
        ):
            made[place] = score
        return made

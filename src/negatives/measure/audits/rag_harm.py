"""Whether a language model that reads passages answers worse for the run's hard negatives.

Jin et al. 2025, "Long-Context LLMs Meet RAG": hard passages beside the right one cost more right
answers than random ones do. The questions are asked by `negatives.measure.distraction`, as
`negatives distract` asks them; what is added here is when that is an alarm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.subject import Subject
from negatives.measure.distraction import (
    CHARACTERS,
    DISTRACTORS,
    HARD,
    QUESTIONS,
    RANDOM,
    REORDERED,
    Distraction,
    distraction,
)
from negatives.measure.estimate import Estimate
from negatives.models.language_model import ApiKey, refuse_literal_keys
from negatives.settings import FileName, ModelName
from negatives.stats.bootstrap import interval
from negatives.wording import figure

HELD: Final = 0.05
"""Significance of a gain or a loss (McNemar, exact, two-sided)."""


class RagHarm(Check, kind="rag-harm"):
    """The share of a reader's right answers that the run's negatives cost, against random passages.

    Each question costs four calls. It sounds an alarm where more answers are lost than gained from
    random passages to the negatives, and by no chance (`level`).

    >>> from negatives.measure.audits.rag_harm import RagHarm
    >>> RagHarm(model="http://127.0.0.1:8080/v1#qwen", answers="answers.csv").questions
    200
    """

    model: Annotated[
        ModelName, Meta(description="the reader, URL#NAME of an OpenAI-compatible endpoint")
    ] = ""
    api_key: ApiKey = ""
    answers: Annotated[
        FileName,
        Meta(description="file of query_id and answer, a row for each answer that is right"),
    ] = ""
    questions: Annotated[int, Meta(ge=1, description="questions asked, at most")] = QUESTIONS
    distractors: Annotated[
        int, Meta(ge=1, description="passages beside the one that holds the answer")
    ] = DISTRACTORS
    characters: Annotated[int, Meta(ge=1, description="characters of a passage")] = CHARACTERS
    level: Annotated[
        float, Meta(gt=0, lt=0.5, description="probability of an alarm where nothing is lost")
    ] = 0.025

    def check(self) -> None:
        """No key stands among settings."""
        refuse_literal_keys(self.kind, {"api_key": self.api_key})

    def lacking(self, subject: Subject) -> str:
        """A run, a reader, and right answers."""
        if subject.run is None:
            return "a file has no run to take questions and passages from; name the run"
        if not self.model:
            return "no reader is named, and asking one costs calls; --set rag-harm.model=URL#NAME"
        if not self.answers:
            return "no right answers are named: --set rag-harm.answers=FILE (query_id, answer)"
        if not Path(self.answers).is_file():
            return f"there is no file of answers {self.answers}"
        return ""

    def find(self, subject: Subject) -> Answer:
        """The questions, asked in four ways."""
        found = distraction(
            subject.of_run,
            self.answers,
            llm=self.model,
            api_key=self.api_key,
            distractors=self.distractors,
            questions=self.questions,
            characters=self.characters,
            emit=subject.emit,
        )
        lost, alarm, advice = harm(found, self.level, subject.confidence, subject.seed)
        return Answer(self.kind, _ABOUT, lost, alarm, advice)


def harm(
    found: Distraction, level: float = 0.025, confidence: float = 0.95, seed: int = 0
) -> tuple[Estimate, bool, str]:
    """The share of answers lost from random passages to the negatives, whether that is more than
    chance, and what to do.
    """
    random, hard = (np.asarray(found.right[way], np.float64) for way in (RANDOM, HARD))
    lost = interval(random - hard, confidence=confidence, seed=seed)
    estimate = Estimate(
        value=lost.value,
        low=lost.low,
        high=lost.high,
        confidence=confidence,
        assumption=_ASSUMED,
        details=found.as_dict(),
    )
    flips, back = found.flips[RANDOM, HARD], found.flips[HARD, REORDERED]
    if flips.lost <= flips.gained or flips.p > 2 * level:
        high = 1.0 if lost.high is None else lost.high
        return estimate, False, _SO_FAR.format(figure(high)) if high > 0 else _FINE
    helps = back.gained > back.lost and back.p <= HELD
    return estimate, True, _FEWER + (_ORDER if helps else _NO_ORDER)


_ABOUT: Final = "share of the questions that the negatives cost a reader, against random passages"
_ASSUMED: Final = (
    "a reply that holds a known answer, word by word, is right; and the passage that holds the "
    "answer is found, which it was given"
)
_FINE: Final = "nothing to do: this reader reads past them as past random ones"
_SO_FAR: Final = (
    "no harm that so many questions could show: the share may be as high as {}; ask more of them "
    "to be surer"
)
_FEWER: Final = (
    "put fewer passages before this reader, or rerank them first, and train it with such passages "
    "beside the right one"
)
_ORDER: Final = "; the best at both ends of the list brings answers back"
_NO_ORDER: Final = "; the best at both ends of the list brings none back"

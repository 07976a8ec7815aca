"""What a language model knows of questions by itself: it is asked them without any document.

A reply that holds one of the right answers, word by word, is known; one that says that the model
does not know is not known; any other is wrong. These are the three parts, by parametric knowledge,
into which "A Multifaceted Analysis of Negative Bias in Large Language Models through the Lens of
Parametric Knowledge" divides its questions (known here from its abstract).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from negatives.measure.distraction import holds
from negatives.models.chat import Chat, Form
from negatives.models.prompt import Prompt

Knowledge = Literal["known", "not known", "wrong"]
PARTS: Final[tuple[Knowledge, ...]] = ("known", "not known", "wrong")

_PROMPT: Final = Prompt("answer-closed-book", ("query",))
_LONGEST: Final = 48
"""Tokens of an answer."""
_IGNORANT: Final = re.compile(
    r"(?:^\W*|\bis )unknown\b|\b(?:not sure|unsure)\b"
    r"|\b(?:do not|don['\u2019]t|cannot|can['\u2019]t) (?:know|tell|say|answer)\b",
    re.IGNORECASE,
)


def known_by(
    chat: Chat, questions: Mapping[str, str], answers: Mapping[str, Sequence[str]]
) -> dict[str, Knowledge]:
    """Query -> what the model knows of it; `questions`: query -> its text, which has `answers`.

    A question that there is no reply to is in no part.
    """
    asked = [_PROMPT.filled({"query": text}) for text in questions.values()]
    replies = chat.ask(_PROMPT, asked, Form(_LONGEST))
    return {
        query: told(reply.said, answers[query])
        for query, reply in zip(questions, replies, strict=True)
        if reply is not None
    }


def told(reply: str, answers: Sequence[str]) -> Knowledge:
    """What a reply shows of the model's knowledge.

    >>> told("It was yeast.", ["yeast"]), told("I do not know", ["yeast"]), told("Salt", ["yeast"])
    ('known', 'not known', 'wrong')
    """
    if holds(reply, answers):
        return "known"
    return "not known" if not reply or _IGNORANT.search(reply) else "wrong"

"""What a language model's reply says of relevance: a number, or NaN where it says nothing readable.

Yes or no are log-odds, from the probabilities of the two words where the server tells them. Grades
are 0 to 3, as fractions where it does: the mean over what might have been in the grade's place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from negatives.models.chat_reply import Answer, Token, parsed

Grade = Literal[0, 1, 2, 3]

UNKNOWN: Final = float("nan")
SAID: Final = math.log(9)
"""Log-odds of a bare yes, whose probability is not known: as if it were 0.9."""
LEAST: Final = 1e-6
"""The probability of a word that is not among those told is at least this."""
_WORD: Final = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


class Grades(msgspec.Struct, frozen=True):
    """What a model is to answer: two considerations, and after them the grade."""

    match: Grade
    trust: Grade
    grade: Grade


class _Graded(msgspec.Struct, frozen=True):
    """What is read of it."""

    grade: Grade


def log_odds(answer: Answer) -> float:
    """Of yes against no."""
    for token in _spoken(answer):
        yes, no = (_chance(token.among, word) for word in ("yes", "no"))
        if yes or no:
            rest = max(LEAST, 1 - sum(map(math.exp, token.among.values())))
            least = min(rest, *map(math.exp, token.among.values()))
            least = max(LEAST, least)
            return math.log(max(yes, least)) - math.log(max(no, least))
        break  # what comes after another word is no answer of one word
    word = _WORD.match(answer.said)
    if word is None:
        return UNKNOWN
    return SAID if word[1].lower() == "yes" else -SAID


def graded(answer: Answer) -> float:
    """From 0 to 3."""
    found = parsed(answer, _Graded)
    if found is None:
        return UNKNOWN
    digits = [token for token in answer.tokens if token.text.strip().isdecimal()]
    if digits and digits[-1].text.strip() == str(found.grade):
        chances = {grade: _chance(digits[-1].among, str(grade)) for grade in range(4)}
        if total := sum(chances.values()):
            return sum(grade * chance for grade, chance in chances.items()) / total
    return float(found.grade)


def _spoken(answer: Answer) -> Iterable[Token]:
    """The tokens after what was thought aloud, but for blanks."""
    tokens = answer.tokens
    ends = [place for place, token in enumerate(tokens) if "</think>" in token.text]
    return (token for token in tokens[ends[-1] + 1 if ends else 0 :] if token.text.strip())


def _chance(among: Mapping[str, float], word: str) -> float:
    """The probability of a word, however it is written."""
    return sum(
        math.exp(logprob) for token, logprob in among.items() if token.strip().lower() == word
    )

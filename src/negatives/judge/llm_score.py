"""What a language model's reply says of relevance: a number, or NaN where it says nothing readable.

Yes or no are log-odds, from the probabilities of the two words where the server tells them. Grades
are 0 to 3, as fractions where it does: the mean over what might have been in the grade's place. A
reply about a list is read whole or not at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from negatives.models.chat_reply import Answer, Token, parsed

Grade = Literal[0, 1, 2, 3]
GRADE_SPLIT: Final = 1.5
"""From here on a document answers: 2 and 3 do, and a mean over grades is often between two."""

UNKNOWN: Final = float("nan")
SAID: Final = math.log(9)
"""Log-odds of a bare yes, whose probability is not known: as if it were 0.9."""
LEAST: Final = 1e-6
"""The probability of a word that is not among those told is at least this."""
_WORD: Final = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_FINAL: Final = re.compile(r"final (?:score|grade)\W{0,4}(\d+(?:\.\d+)?)", re.IGNORECASE)
"""How models say a grade that were not asked for JSON, or do not keep to it."""


class Grades(msgspec.Struct, frozen=True):
    """What a model is to answer: two considerations, and after them the grade."""

    match: Grade
    trust: Grade
    grade: Grade


class _Graded(msgspec.Struct, frozen=True):
    """What is read of it."""

    grade: Grade


class Relevant(msgspec.Struct, frozen=True):
    """Which documents of a list answer, by their numbers, from 1 on."""

    relevant: list[int]


class ListGrades(msgspec.Struct, frozen=True):
    """The grade of each document of a list."""

    grades: list[Grade]


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


def spoken_chance(answer: Answer, word: str) -> float:
    """The probability of a word as the answer; 1 or 0 by the text where no probability is told."""
    for token in _spoken(answer):
        # Only the first piece of a longer word is a token of its own.
        begins = [
            text for text in token.among if text.strip() and word.startswith(text.strip().lower())
        ]
        return sum(math.exp(token.among[text]) for text in begins)
    return float(answer.said.lower().lstrip("\"'*([ ").startswith(word))


def mean_read(said: Iterable[float]) -> float:
    """The mean of what could be read; NaN where nothing could."""
    read = [each for each in said if not math.isnan(each)]
    return sum(read) / len(read) if read else UNKNOWN


def graded(answer: Answer) -> float:
    """From 0 to 3."""
    found = parsed(answer, _Graded)
    if found is None:
        return _final(answer.said)
    digits = [token for token in answer.tokens if token.text.strip().isdecimal()]
    if digits and digits[-1].text.strip() == str(found.grade):
        chances = {grade: _chance(digits[-1].among, str(grade)) for grade in range(4)}
        if total := sum(chances.values()):
            return sum(grade * chance for grade, chance in chances.items()) / total
    return float(found.grade)


def listed(answer: Answer, count: int) -> list[float] | None:
    """Log-odds of each of `count` documents, as of a bare yes or no; None: not readable."""
    found = parsed(answer, Relevant)
    if found is None or not all(1 <= number <= count for number in found.relevant):
        return None
    return [SAID if number in found.relevant else -SAID for number in range(1, count + 1)]


def listed_grades(answer: Answer, count: int) -> list[float] | None:
    """The grade of each of `count` documents; None: not readable."""
    found = parsed(answer, ListGrades)
    if found is None or len(found.grades) != count:
        return None
    return [float(grade) for grade in found.grades]


def _final(said: str) -> float:
    """The last "final score" of a text, if it is a grade."""
    found = _FINAL.findall(said)
    return float(found[-1]) if found and found[-1] in ("0", "1", "2", "3") else UNKNOWN


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

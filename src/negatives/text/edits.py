"""Small changes of a text after which it no longer says the same: rules that need no model.

Each takes a text and a draw from (0, 1), which chooses among what could be changed, and gives the
changed text, or None where the rule has nothing to change. Numbers are told in any script that
writes them in digits; names in scripts with capital letters; the words of `negated` and `reversed_`
are English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_NUMBER: Final = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w])")
_WORD: Final = re.compile(r"[^\W\d_][\w'’-]*")
_ENDS: Final = re.compile(r"[.!?:;]\W*$|^\W*$")
"""What stands before the first word of a sentence."""
_VERB: Final = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|must|may|might|has|have|had|does|do|did"
    r"|(?:ca|wo)(?=n['’]t))"
    r"(?:(n['’]t)\b|( not)\b|\b)",
    re.IGNORECASE,
)
_SHORTENED: Final = {"ca": "can", "Ca": "Can", "wo": "will", "Wo": "Will"}
_PAIRS: Final = """
    always never|all no|everyone nobody|everything nothing|more less|most least|many few|above below
    before after|increase decrease|increases decreases|increased decreased|increasing decreasing
    high low|higher lower|highest lowest|large small|larger smaller|largest smallest|long short
    longer shorter|hot cold|hotter colder|fast slow|faster slower|strong weak|stronger weaker
    early late|earlier later|first last|open closed|inside outside|with without|rise fall
    rises falls
    begin end|begins ends|began ended|start stop|starts stops|accept reject|accepts rejects
    allow forbid|allows forbids|allowed forbidden|same different|positive negative|old new
    better worse|best worst|left right|up down|north south|east west|true false|safe dangerous
    buy sell|gain loss|success failure|common rare|often seldom|upper lower|near far
"""
OPPOSITES: Final[Mapping[str, str]] = {
    one: other
    for pair in reversed(_PAIRS.replace("\n", "|").split("|"))
    if (words := pair.split())
    for one, other in (words, words[::-1])
}
"""A word -> its opposite."""
_OPPOSED: Final = re.compile(rf"\b({'|'.join(sorted(OPPOSITES, key=len, reverse=True))})\b", re.I)


def swapped_numbers(text: str, draw: float) -> str | None:
    """Two of its numbers in each other's place; of a text with a single one, another number.

    >>> swapped_numbers("It took 5 men 12 days.", 0.1)
    'It took 12 men 5 days.'
    >>> swapped_numbers("Built in 1889.", 0.5)
    'Built in 1894.'
    """
    found = list(dict.fromkeys(_NUMBER.findall(text)))
    if not found:
        return None
    if len(found) > 1:
        return _exchanged(text, _NUMBER, found, draw)
    digits = re.match(r"\d+", found[0])
    assert digits is not None
    raised = str(int(digits[0]) + 1 + int(draw * 9)).zfill(len(digits[0]))
    return _NUMBER.sub(raised + found[0][digits.end() :], text)


def swapped_names(text: str, draw: float) -> str | None:
    """Two of its names in each other's place: capitalised words within a sentence.

    >>> swapped_names("In May the Rhine was colder than the Upper Danube.", 0.5)
    'In May the Upper Danube was colder than the Rhine.'
    """
    found = _names(text)
    if len(found) < 2:
        return None
    any_of_them = "|".join(map(re.escape, sorted(found, key=len, reverse=True)))
    return _exchanged(text, re.compile(rf"(?<!\w)(?:{any_of_them})(?!\w)"), found, draw)


def negated(text: str, draw: float) -> str | None:
    """One of its statements the other way round: with a "not", or without the one it has.

    >>> negated("Steel is heavy.", 0.5), negated("It can't fly.", 0.5)
    ('Steel is not heavy.', 'It can fly.')
    """

    def turned(found: re.Match[str]) -> str:
        verb = _SHORTENED.get(found[1], found[1])
        return verb if found[2] or found[3] else f"{verb} not"

    return _one(_VERB, text, draw, turned)


def reversed_(text: str, draw: float) -> str | None:
    """One of its words replaced by its opposite.

    >>> reversed_("Pressure increases above the wing.", 0.9)
    'Pressure increases below the wing.'
    """

    def opposite(found: re.Match[str]) -> str:
        other = OPPOSITES[found[0].lower()]
        return other.capitalize() if found[0][0].isupper() else other

    return _one(_OPPOSED, text, draw, opposite)


def renamed(text: str, own: str, other: str) -> str | None:
    """What it says of `own` said of `other`; None where it does not speak of it by that name.

    >>> renamed("A violin has four strings. Violins are old.", "violin", "viola")
    'A viola has four strings. Violins are old.'
    """
    if not own.strip() or own.casefold() == other.casefold():
        return None
    pattern = re.compile(rf"(?<!\w){re.escape(own)}(?!\w)", re.IGNORECASE)

    def written(found: re.Match[str]) -> str:
        upper = found[0][0].isupper() and not own[0].isupper()
        return other[0].upper() + other[1:] if upper else other

    made = pattern.sub(written, text)
    return made if made != text else None


RULES: Final[Mapping[str, Callable[[str, float], str | None]]] = {
    "numbers": swapped_numbers,
    "names": swapped_names,
    "negate": negated,
    "opposites": reversed_,
}
"""The rules that need nothing but the text, by name."""


def _names(text: str) -> list[str]:
    """Runs of capitalised words that do not begin a sentence, each once, in order."""
    found: dict[str, None] = {}
    run: list[re.Match[str]] = []
    for word in [*_WORD.finditer(text), None]:
        joined = run and word and text[run[-1].end() : word.start()] == " "
        capital = word is not None and word[0][0].isupper()
        if run and not (joined and capital):
            if len(run[0][0]) > 1 or len(run) > 1:
                found[text[run[0].start() : run[-1].end()]] = None
            run = []
        if word is not None and capital and (run or not _ENDS.search(text[: word.start()][-8:])):
            run.append(word)
    return list(found)


def _exchanged(text: str, pattern: re.Pattern[str], found: list[str], draw: float) -> str:
    """The text with one of those that were found and the next one exchanged, wherever they are."""
    first = min(int(draw * (len(found) - 1)), len(found) - 2)
    one, other = found[first], found[first + 1]
    return pattern.sub(lambda each: {one: other, other: one}.get(each[0], each[0]), text)


def _one(
    pattern: re.Pattern[str], text: str, draw: float, change: Callable[[re.Match[str]], str]
) -> str | None:
    """The text with one of the places changed that a pattern finds."""
    places = list(pattern.finditer(text))
    if not places:
        return None
    chosen = places[int(draw * len(places))]
    return text[: chosen.start()] + change(chosen) + text[chosen.end() :]

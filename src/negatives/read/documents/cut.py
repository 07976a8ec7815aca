"""Headings and paragraphs to passages: parted at every heading, and a long section by length.

    # Pumps            title "Pumps"
    ...                passage under "Pumps"
    ## Repairs
    ...                passages under "Pumps: Repairs", each of whole paragraphs while they fit

A paragraph that is too long is cut between sentences, a sentence between words. What is left at
the end of a section and is very short goes with the passage before it. Passages do not overlap: one
text twice would be two right answers of which one is labelled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from negatives.errors import InputError
from negatives.read.documents.parts import Heading, Part

LENGTH: Final = 1000
"""Characters of a passage, at most: about what small encoders read of a text."""
SHORT: Final = 0.2
"""A rest of this share of the length is no passage of its own."""
APART: Final = ": "
"""Between a document's title and a heading in it."""

_SENTENCE: Final = re.compile(r"""(?<=[.!?…])["'”’»)\]]*\s+|(?<=[。！？।])|\n""")
_WORD: Final = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Cutting:
    """How documents are cut: `length` characters of a passage, at most, its title aside."""

    length: int = LENGTH

    def __post_init__(self) -> None:
        if not 50 <= self.length <= 100_000:
            raise InputError(
                f"passages of {self.length:,} characters",
                where="--length",
                fix="give 50 to 100000: encoders read about 1000 characters of a text",
            )


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, and the headings above it: the document's title and the last of them."""

    title: str
    text: str


def passages(parts: Iterable[Part], cutting: Cutting, title: str = "") -> Iterator[Passage]:
    """The passages of a document whose title is known, or is among its parts."""
    above: dict[int, str] = {0: title} if title else {}
    section: list[str] = []
    size = 0
    for part in parts:
        if isinstance(part, Heading):
            yield from _of_section(section, above, cutting)
            section, size = [], 0
            above = {level: text for level, text in above.items() if level < part.level}
            above[part.level] = part.text
            continue
        section.append(part)
        size += len(part)
        if size > 20 * cutting.length:  # a section of any size is cut as it comes
            *done, last = _cut(section, cutting.length)
            yield from _named(done, above)
            section, size = [last], len(last)
    yield from _of_section(section, above, cutting)


def _of_section(section: list[str], above: dict[int, str], cutting: Cutting) -> Iterator[Passage]:
    yield from _named(_cut(section, cutting.length), above)


def _named(texts: Iterable[str], above: dict[int, str]) -> Iterator[Passage]:
    levels = sorted(above)
    # Only the first and the last: with all that are between, a title says more than its passage.
    ends = [above[levels[0]], above[levels[-1]]] if levels else []
    title = APART.join(dict.fromkeys(ends))
    for text in texts:
        if _WORD.search(text):  # a row of signs is no text
            yield Passage(title, text)


def _cut(section: list[str], length: int) -> list[str]:
    """The texts of a section's passages."""
    made: list[str] = []
    for paragraph in section:
        pieces = [paragraph] if len(paragraph) <= length else _sentences(paragraph, length)
        for at, piece in enumerate(pieces):
            between = "\n" if at == 0 else " "
            if made and len(made[-1]) + 1 + len(piece) <= length:
                made[-1] += between + piece
            else:
                made.append(piece)
    if len(made) > 1 and len(made[-1]) < SHORT * length:
        last = made.pop()
        made[-1] += "\n" + last
    return made


def _sentences(paragraph: str, length: int) -> Iterator[str]:
    """A paragraph cut between sentences; a sentence that is too long, between words."""
    start = 0
    for found in _SENTENCE.finditer(paragraph):
        yield from _words(paragraph[start : found.end()].strip(), length)
        start = found.end()
    yield from _words(paragraph[start:].strip(), length)


def _words(sentence: str, length: int) -> Iterator[str]:
    while len(sentence) > length:
        cut = sentence.rfind(" ", length // 2, length) + 1 or length
        yield sentence[:cut].rstrip()
        sentence = sentence[cut:].lstrip()
    if sentence:
        yield sentence

"""Plain text and Markdown to headings and paragraphs, line by line: a file of any size is read so.

Of plain text a heading is a line with a row of signs below it, `=====` or `-----`; and a short
first line, with nothing below it and without a full stop, is the title. Of Markdown all headings
are, outside of fenced code; front matter is left out but for its `title`, and links and pictures
leave their texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from negatives.read.documents.parts import Heading, Part

LONGEST: Final = 1 << 16
"""Characters of a paragraph, at most: a longer one is given in parts."""
TITLE: Final = 120
"""Characters of a title or a heading, at most; what is longer is a paragraph."""

_ROW: Final = re.compile(r"\s{0,3}(?:(=)\1{2,}|(-)\2{2,}|(~)\3{2,})\s*")
_SENTENCE_ENDS: Final = re.compile(r"""[.!?…:;,。！？،।]["'”’»)\]]*$""")
_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE: Final = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*")
_PICTURE_OR_LINK: Final = re.compile(
    r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s+\"[^\"]*\")?\)|\[[^\[\]]*\])"
)
_DEFINITION: Final = re.compile(r" {0,3}\[[^\]]+\]:\s*\S+")
_COMMENT: Final = re.compile(r"<!--.*?-->")
_FRONT: Final = ("---", "+++", "...")
"""Lines that front matter begins and ends with."""
_FRONT_LINES: Final = 200
"""Lines of front matter, at most: without an end among them it is none."""
_FRONT_TITLE: Final = re.compile(r"""title\s*[:=]\s*(["']?)(.+?)\1\s*""", re.IGNORECASE)


def text_parts(pieces: Iterable[str]) -> Iterator[Part]:
    """The parts of a plain text."""
    yield from _Paragraphs(plain=True).read(lines_of(pieces))


def markdown_parts(pieces: Iterable[str]) -> Iterator[Part]:
    """The parts of a Markdown text."""
    lines = lines_of(pieces)
    first = next(lines, "")
    head = [first]
    if first.rstrip() in _FRONT:
        head += islice(lines, _FRONT_LINES)
        end = next((at for at, line in enumerate(head[1:], 1) if line.rstrip() in _FRONT), 0)
        titles = (found[2] for line in head[1:end] if (found := _FRONT_TITLE.fullmatch(line)))
        if end and (title := next(titles, "").strip()):
            yield Heading(0, shortened(title))
        head = head[end + 1 if end else 0 :]
    yield from _Paragraphs(plain=False).read(chain(head, lines))


def lines_of(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in pieces; one that has no end is given in parts."""
    left = ""
    for piece in pieces:
        *lines, left = (left + piece).split("\n")
        yield from lines
        while len(left) > LONGEST:
            cut = left.rfind(" ", LONGEST // 2, LONGEST) + 1 or LONGEST
            yield left[:cut]
            left = left[cut:]
    if left:
        yield left


def shortened(text: str) -> str:
    """A title in one line, of no more characters than one may have."""
    text = " ".join(text.split())
    return text if len(text) <= TITLE else text[: TITLE - 1].rstrip() + "…"


class _Paragraphs:
    """Lines put together to paragraphs; what stands between them are headings and rules."""

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._lines: list[str] = []
        self._size = 0

    def read(self, lines: Iterable[str]) -> Iterator[Part]:
        """The parts that lines are of."""
        yield from self._of_plain(lines) if self._plain else self._of_markdown(lines)
        yield from self._end()

    def _of_plain(self, lines: Iterable[str]) -> Iterator[Part]:
        first = True
        for line in lines:
            if first and not line.strip() and self._is_title():
                yield Heading(0, self._only_line())
            first = first and not self._lines
            yield from self._line(line)

    def _of_markdown(self, lines: Iterable[str]) -> Iterator[Part]:
        fence, comment = "", False
        for line in lines:
            mark = _FENCE.match(line)
            if fence:
                fence = "" if mark and mark[1].startswith(fence) else fence
                yield from self._add("" if mark else line)
                continue
            if mark:
                fence = mark[1]
                yield from self._end()
                continue
            line, comment = _uncommented(line, comment)
            if atx := _ATX.fullmatch(line):
                yield from self._end()
                if title := _without_marks(atx[2] or "").strip(" *_#"):
                    yield Heading(len(atx[1]), shortened(title))
            elif _RULE.fullmatch(line) and not _ROW.fullmatch(line):
                yield from self._end()
            elif not _DEFINITION.match(line):
                yield from self._line(_without_marks(line))

    def _line(self, line: str) -> Iterator[Part]:
        """A line, an empty one, or a row of signs below a heading."""
        row = _ROW.fullmatch(line)
        if row and len(self._lines) == 1 and len(self._lines[0].strip()) <= TITLE:
            yield Heading(1 if row[1] else 2, self._only_line())
        elif row or not line.strip():
            yield from self._end()
        else:
            yield from self._add(line)

    def _only_line(self) -> str:
        line = self._lines.pop()
        self._size = 0
        return " ".join(line.split())

    def _is_title(self) -> bool:
        """Whether the only line so far is short, and no sentence."""
        if len(self._lines) != 1:
            return False
        line = self._lines[0].strip()
        return len(line) <= TITLE and not _SENTENCE_ENDS.search(line)

    def _add(self, line: str) -> Iterator[Part]:
        self._lines.append(line.rstrip())
        self._size += len(line) + 1
        if self._size > LONGEST:
            yield from self._end()

    def _end(self) -> Iterator[Part]:
        text = "\n".join(self._lines).strip()
        self._lines, self._size = [], 0
        if text:
            yield text


def _without_marks(line: str) -> str:
    """A line of Markdown with the texts of its links and pictures alone."""
    if "](" not in line and "][" not in line:
        return line
    return _PICTURE_OR_LINK.sub(r"\1", _PICTURE_OR_LINK.sub(r"\1", line))


def _uncommented(line: str, inside: bool) -> tuple[str, bool]:
    """A line without comments of HTML, and whether one goes on in the next line."""
    if inside:
        _, end, line = line.partition("-->")
        if not end:
            return "", True
    if "<!--" in line:
        line = _COMMENT.sub("", line)
        line, begun, _ = line.partition("<!--")
        return line, bool(begun)
    return line, False

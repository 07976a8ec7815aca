"""HTML to headings and paragraphs, by the parser of the standard library.

Scripts, styles, forms and navigation are left out, and so is what is hidden. Where a page has a
heading of the first level it is the title; `<title>`, which often names the site too, is it where
there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Final

from negatives.read.documents.parts import Heading, Part, Unreadable
from negatives.read.documents.plain import shortened

LARGEST: Final = 1 << 25
"""Characters of a page, at most: it is read as a whole."""

_NEVER: Final = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "iframe", "object"}
)
"""Elements that hold no text for people."""
_ASIDE: Final = frozenset(
    {"nav", "footer", "aside", "form", "button", "select", "textarea", "dialog", "menu"}
)
"""Elements that are about the page, or the site, and not what it says."""
_ROLES: Final = frozenset(
    {"navigation", "banner", "contentinfo", "search", "complementary", "menu"}
)
_VOID: Final = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
        "source", "track", "wbr",
    }
)  # fmt: skip
_INLINE: Final = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn",
        "em", "font", "i", "img", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s",
        "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    }
)  # fmt: skip
"""Elements within a line; all others end a paragraph."""
_LINES: Final = frozenset({"br", "li", "tr", "dt", "dd", "option", "caption"})
"""Elements that begin a line of the same paragraph."""
_CELLS: Final = frozenset({"td", "th"})
_HEADING: Final = re.compile(r"h([1-6])")
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")


def html_parts(pieces: Iterable[str]) -> Iterator[Part]:
    """The parts of a page."""
    held, size = list[str](), 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > LARGEST:
            raise Unreadable(f"HTML of more than {LARGEST / 1e6:.0f} million characters")
    page, spared = "".join(held), frozenset[str]()
    while True:
        reader = _Page(spared)
        reader.feed(page)
        reader.close()
        # An element that is never closed would take the rest of the page with it.
        if not reader.open_aside or reader.open_aside in spared:
            break
        spared |= {reader.open_aside}
    reader.end_paragraph()
    highest = min((part.level for part in reader.parts if isinstance(part, Heading)), default=7)
    if reader.title and highest > 1:
        yield Heading(0, shortened(reader.title))
    yield from reader.parts


class _Page(HTMLParser):
    """Gathers the parts of a page. `spared`: elements that are read although they are aside."""

    def __init__(self, spared: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[Part] = []
        self.title = ""
        self.open_aside = ""
        self._spared = spared
        self._depth = 0  # of elements of the name `open_aside`
        self._text: list[str] = []
        self._heading = 0
        self._in_title = False
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.open_aside:
            self._depth += tag == self.open_aside
            return
        if tag not in _VOID and tag not in self._spared and self._is_aside(tag, dict(attrs)):
            self.open_aside, self._depth = tag, 1
        elif tag == "title":
            self._in_title = not self.title
        elif found := _HEADING.fullmatch(tag):
            self.end_paragraph()
            self._heading = int(found[1])
        elif tag in _CELLS:
            self._text.append(" ")
        elif tag in _LINES:
            self._text.append("\n")
        elif tag not in _INLINE:
            self.end_paragraph()
            self._pre += tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _NEVER:  # to HTML `<p/>` is a `<p>`; an empty script would never be closed
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.open_aside:
            self._depth -= tag == self.open_aside
            if not self._depth:
                self.open_aside = ""
        elif tag == "title":
            self._in_title = False
        elif _HEADING.fullmatch(tag):
            self.end_paragraph()
        elif tag not in _INLINE and tag not in _LINES and tag not in _CELLS:
            self.end_paragraph()
            self._pre = max(0, self._pre - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self.open_aside:
            self._text.append(data if self._pre else _SPACE.sub(" ", data))

    def end_paragraph(self) -> None:
        """What was read since the last one becomes a paragraph, or a heading."""
        text = "".join(self._text)
        self._text = []
        lines = [line.strip() if not self._pre else line.rstrip() for line in text.split("\n")]
        text = "\n".join(line for line in lines if line.strip()).strip("\n")
        if text and self._heading:
            self.parts.append(Heading(self._heading, shortened(text)))
        elif text:
            self.parts.append(text)
        self._heading = 0

    @staticmethod
    def _is_aside(tag: str, attributes: dict[str, str | None]) -> bool:
        if tag in _NEVER or tag in _ASIDE:
            return True
        hidden = "hidden" in attributes and tag not in ("body", "html")
        return (
            hidden
            or attributes.get("aria-hidden") == "true"
            or (attributes.get("role") or "") in _ROLES
        )

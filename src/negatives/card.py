"""What a result says of itself to a person: a title and a few named lines, as text and as HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from negatives.printable import printable
from negatives.svg import mark

_LEAST = 24
"""Columns that are left for the text of a line, at least."""


@dataclass(frozen=True, slots=True)
class Card:
    """A title and rows of name and text; an empty name goes on with the row before.

    It shows itself: as text where it is printed, as a table in a notebook.

    >>> from negatives.card import Card
    >>> Card("two lines", (("first", "one"), ("second", "another")), names=6)
    two lines
      first  one
      second another
    """

    title: str
    rows: tuple[tuple[str, str], ...]
    names: int = 11
    """Columns of the names, where it is printed."""

    def text(self, width: int | None = None) -> str:
        """The card in lines, wrapped to `width` columns (None: not at all)."""
        return "\n".join(self._lines(width))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def _lines(self, width: int | None) -> Iterator[str]:
        yield from [self.title] if width is None else textwrap.wrap(self.title, width)
        indent = " " * (self.names + 3)
        for name, text in self.rows:
            head = f"  {name:<{self.names}} "
            if width is None:
                yield f"{head}{text}".rstrip()
            elif width - len(indent) >= _LEAST:
                yield from textwrap.wrap(
                    text, width, initial_indent=head, subsequent_indent=indent
                ) or [head.rstrip()]
            else:  # a narrow terminal: the text below its name
                if name:
                    yield head.rstrip()
                yield from textwrap.wrap(
                    text, width, initial_indent="    ", subsequent_indent="    "
                )

    def _repr_html_(self) -> str:
        rows = [mark("tr", *(mark(*cell, style=_STYLE) for cell in pair)) for pair in self._cells()]
        title = mark("p", mark("b", printable(self.title)))
        return mark("div", title, mark("table", mark("tbody", *rows)))

    def _cells(self) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
        for name, text in self.rows:
            yield ("th", printable(name) or " "), ("td", printable(text) or " ")


class Showing:
    """What a notebook shows as its card."""

    __slots__ = ()

    def card(self) -> Card:
        """What it says to a person."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.card()._repr_html_()


_STYLE = "text-align: left; vertical-align: top; white-space: normal"

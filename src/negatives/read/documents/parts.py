"""What a document consists of, whatever it was written in, and why one could not be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` 1 is the highest, and 0 the title of the whole document."""

    level: int
    text: str


Part = Heading | str
"""A heading, or a paragraph, in which lines may be parted by line ends."""


class Unreadable(Exception):
    """A document is passed over: the reason, such as `empty`, and what a user can do about it."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.reason, self.fix = reason, fix

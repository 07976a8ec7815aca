"""How a message names a text: by its id, or, where the id was made from the text, as it begins."""

from __future__ import annotations

import re
from typing import Final

_MADE: Final = re.compile(r"[qd]-[0-9a-f]{16}")
"""Ids that readers make for texts that came without one: a letter, and a hash of the text."""


def is_made(name: str) -> bool:
    """Whether an id was made from a text, and says nothing to a person."""
    return _MADE.fullmatch(name) is not None


def called(name: str, text: str | None, longest: int = 60) -> str:
    """A document, or a query, as a message names it: its id, if it has one, and how it begins."""
    shown = name if len(name) <= longest else f"{name[:longest]}..."
    if not text or not text.strip():
        return shown
    line = " ".join(text[: 4 * longest].split())
    begins = f'"{line}"' if len(line) <= longest else f'"{line[:longest].rstrip()} ..."'
    return begins if is_made(name) else f"{shown} ({begins})"

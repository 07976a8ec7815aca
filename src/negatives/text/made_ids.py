"""Ids of texts that came without one: made from the text, so that the same text has the same id."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

import polars as pl

QUERY: Final = "q-"
DOC: Final = "d-"
_MADE: Final = re.compile(rf"({QUERY}|{DOC})[0-9a-f]{{16}}")


def made_ids(prefix: str, texts: pl.Series) -> pl.Series:
    """An id for each text: `QUERY` or `DOC`, and a hash of it."""
    hashes = [blake2b(text.encode(), digest_size=8).digest() for text in texts.to_list()]
    return prefix + pl.Series(hashes, dtype=pl.Binary).bin.encode("hex")


def is_made(name: str) -> bool:
    """Whether an id is such a one, which says nothing to a person."""
    return _MADE.fullmatch(name) is not None


def called(name: str, text: str | None, longest: int = 60) -> str:
    """A document, or a query, as a message names it: its id, if it has one, and how it begins."""
    shown = name if len(name) <= longest else f"{name[:longest]}..."
    if not text or not text.strip():
        return shown
    line = " ".join(text[: 4 * longest].split())
    begins = f'"{line}"' if len(line) <= longest else f'"{line[:longest].rstrip()} ..."'
    return begins if is_made(name) else f"{shown} ({begins})"

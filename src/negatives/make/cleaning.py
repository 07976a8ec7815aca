"""What of a model's text is used: a query or passage as somebody might write it, or nothing.

Models wrap what they are asked for in quotes and numbers, speak about their task instead of doing
it, and copy what they were shown. Each rule has a name, under which it is counted.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from negatives.text.keys import normalised

LONGEST_QUERY: Final = 32
"""Words of a query, at most."""
COPIED: Final = 8
"""Words in a row that a query may not have from its document."""

_MARKS: Final = re.compile(r"^\s*(?:[-*•]+|\(?\d{1,2}[.)]|(?:query|question|q)\s*\d*\s*:)\s*", re.I)
_QUOTED: Final = re.compile(r"""^["'“”‘’«»「](.*)["'“”‘’«»」]$""", re.DOTALL)
_META: Final = re.compile(
    r"\b(passages?|the (above|given|provided) (text|document|article)|text above|this document"
    r"|the document|the text)\b",
    re.IGNORECASE,
)
"""What a query speaks of that was written with its document in view."""
_ABOUT_ITSELF: Final = re.compile(
    r"^\W*(here (is|are)\b|sure\b|certainly\b|of course\b|i'?m sorry|i am sorry|i can(no|')t\b"
    r"|i cannot|as an ai\b|as a language model|this (passage|document|text) does(n't| not)\b"
    r"|(the )?(passage|document|text|negative)\s*:)",
    re.IGNORECASE,
)
"""How a reply begins that speaks about the task, or refuses it."""
_TAG: Final = re.compile(r"</?(query|document|positive|example)s?\b[^>]*>", re.IGNORECASE)


def as_query(text: str, document: str) -> tuple[str, str]:
    """The query in a reply, and why it is not used: one of the two is empty.

    >>> as_query('1. "What carries heat?"', "Metal carries heat.")
    ('What carries heat?', '')
    >>> as_query("What does the passage say of heat?", "Metal carries heat.")
    ('', 'speaks of its document')
    """
    said = " ".join(_TAG.sub(" ", _MARKS.sub("", text)).split())
    said = _unquoted(said)
    if len(said) < 3:
        return "", "empty"
    if len(said.split()) > LONGEST_QUERY:
        return "", f"of more than {LONGEST_QUERY} words"
    if _META.search(said) and not _META.search(document):
        return "", "speaks of its document"
    if _ABOUT_ITSELF.match(said):
        return "", "speaks of the task"
    if copied(said, document):
        return "", f"has {COPIED} words in a row from its document"
    return said, ""


def as_passage(text: str, query: str, shortest: int) -> tuple[str, str]:
    """The passage in a reply, and why it is not used: one of the two is empty.

    >>> as_passage("Sure! Here is one.", "why", 3)
    ('', 'speaks of the task')
    """
    said = _unquoted(_TAG.sub(" ", text).strip())
    if len(said) < shortest:
        return "", f"shorter than {shortest} characters"
    if _ABOUT_ITSELF.match(said):
        return "", "speaks of the task"
    begins = normalised(pl.Series([said, query]))
    if begins[1] and begins[0].startswith(begins[1]):
        return "", "begins with the query"
    return said, ""


def copied(query: str, document: str) -> bool:
    """Whether a query has `COPIED` words in a row from a document, as a reader sees them."""
    own, whole = normalised(pl.Series([query, document]))
    words = own.split()
    runs = (words[start : start + COPIED] for start in range(len(words) - COPIED + 1))
    return any(f" {' '.join(run)} " in f" {whole} " for run in runs)


def _unquoted(text: str) -> str:
    found = _QUOTED.match(text)
    inside = found is not None and not any(mark in found[1] for mark in '"“”«»')
    return found[1].strip() if found is not None and inside else text

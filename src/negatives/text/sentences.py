"""Sentences of texts, by their punctuation.

A rough rule that needs no model: a sentence ends after `.`, `!`, `?` or `…`, with the closing marks
that follow, before white space; after the full stops of Chinese and Japanese, and of the scripts of
India; and at the end of a line. An abbreviation ends one too: who needs whole sentences asks for
long ones.
"""

from __future__ import annotations

from typing import Final

import polars as pl

_CLOSING: Final = r"""["'”’»)\]]*"""
_SENTENCE: Final = (
    rf"(?s)\S.*?(?:[.!?…؟]+{_CLOSING}(?:\s+|$)|[。！？．]+[」』”’）]*\s*|[।॥]+\s*|\n\s*|$)"
)


def sentences(texts: pl.Series) -> pl.Series:
    """list[str]: the sentences of each text, with the white space after them.

    Joined they are the text again, but for white space before it.
    """
    return texts.str.extract_all(_SENTENCE)

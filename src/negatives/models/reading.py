"""How much of some texts an encoder's tokenizer can read, found out before anything is encoded.

A text is read by pieces of words. What the tokenizer has no pieces for is unread: all such words
are the same to the model, and texts of nothing else have one vector. Words that it spells letter by
letter, or byte by byte, are hardly read either, for the model has learned nothing about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import numpy as np

from negatives.arrays import Bools, Floats, Places
from negatives.text.scripts import HAN_KANA_HANGUL

LETTERS_A_PIECE: Final = 1.5
"""With fewer, a word is spelled; the words of a language that was learned have about four."""
CHARACTERS_A_PIECE: Final = 0.75
"""The same where a character is a syllable or a word: with fewer, it is taken for its bytes."""
FEWEST_LETTERS: Final = 12
"""A shorter text may well consist of short words."""


class Reading(NamedTuple):
    """int64[texts] each: the letters that count, those unread, pieces of letters; bool[texts]:
    whether most are characters that are a syllable or a word.

    Of a text without letters, every sign counts as one.
    """

    letters: Places
    unread: Places
    pieces: Places
    syllabic: Bools

    @property
    def shares(self) -> Floats:
        """float32[texts]: the share of each text that has pieces; 1 where there is nothing."""
        made = 1 - self.unread / np.maximum(self.letters, 1)
        return np.asarray(made, np.float32)

    @property
    def spelled(self) -> Bools:
        """bool[texts]: which of them are read letter by letter."""
        usual = np.where(self.syllabic, CHARACTERS_A_PIECE, LETTERS_A_PIECE)
        read = self.letters - self.unread
        return np.asarray((read >= FEWEST_LETTERS) & (read < usual * self.pieces))


@runtime_checkable
class Reads(Protocol):
    """An encoder that can be asked what its tokenizer makes of texts."""

    def reading(self, texts: Sequence[str]) -> Reading | None:
        """What of each text the tokenizer has pieces for; None where it cannot say."""


def counted(texts: Sequence[str], known: Sequence[Bools], pieces: Sequence[int]) -> Reading:
    """A reading from the characters of each text that have pieces, as far as it was read.

    `known[t]`: bool[characters]; `pieces[t]`: pieces that have a letter in them.
    """
    rows = [_row(text, has) for text, has in zip(texts, known, strict=True)]
    columns = np.array(rows, np.int64).reshape(len(texts), 3)
    return Reading(columns[:, 0], columns[:, 1], np.array(pieces, np.int64), columns[:, 2] > 0)


def _row(text: str, known: Bools) -> tuple[int, int, bool]:
    text = text[: len(known)]
    counts = np.fromiter(map(str.isalpha, text), bool, len(text))
    if not counts.any():
        counts = ~np.fromiter(map(str.isspace, text), bool, len(text))
    letters = int(counts.sum())
    syllables = sum(map(len, HAN_KANA_HANGUL.findall(text)))
    return letters, int((counts & ~known).sum()), 2 * syllables > letters


def reading_of(tokenizer: Any, texts: Sequence[str]) -> Reading:
    """What a tokenizer of the `tokenizers` library makes of texts."""
    unknown = _unknown(tokenizer)
    known, pieces = [], []
    for text, encoded in zip(texts, tokenizer.encode_batch(list(texts)), strict=True):
        has = np.zeros(len(text), bool)
        end, many = 0, 0
        special = encoded.special_tokens_mask
        for piece, (first, last), apart in zip(encoded.ids, encoded.offsets, special, strict=True):
            # A tokenizer may call its unknown piece special: it stands for text all the same.
            if piece == unknown:
                end = max(end, last)
            elif not apart:
                has[first:last] = True
                end = max(end, last)
                many += any(map(str.isalpha, text[first:last]))
        known.append(has[:end] if encoded.overflowing else has)
        pieces.append(many)
    return counted(texts, known, pieces)


def _unknown(tokenizer: Any) -> int | None:
    """The number of the piece that stands for what has no piece; None where there is none."""
    model = tokenizer.model
    name = getattr(model, "unk_token", None)
    if name is not None:
        found: int | None = tokenizer.token_to_id(name)
        return found
    number = getattr(model, "unk_id", None)
    if number is None:
        for name in ("[UNK]", "<unk>"):
            number = tokenizer.token_to_id(name)
            if number is not None:
                break
    return number

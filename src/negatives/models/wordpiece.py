"""WordPiece over a pruned vocabulary, a few lines, with a memory of the words already split.

Text repeats its words, so splitting each distinct word once and looking it up after that is
several times faster on one core than a general tokenizer. The result does not depend on the memory.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

import numpy as np

from negatives.arrays import Places, Ragged, starts_of
from negatives.text.numbered import numbered
from negatives.text.scripts import HAN_KANA_HANGUL

WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
"""A run of letters and digits, or one sign."""

_PLAIN: Final = r"[0-9a-z]+|[^0-9a-z\s\x1c-\x1f]"
"""The same of lower-case ASCII, for polars, whose white space lacks four of Python's."""

CONTINUES = "##"
"""Marks the pieces that continue a word."""

LONGEST_WORD = 100
"""Characters; a longer run is no word and counts as unknown, as in BERT."""

MEMORY = 1_000_000
"""Words remembered before the memory is emptied: about 200 MB at the most."""


class WordPiece:
    """Splits texts into piece numbers: positions in `pieces`."""

    def __init__(self, pieces: Sequence[str]) -> None:
        numbers = {piece: number for number, piece in enumerate(pieces)}
        later = {piece for piece in numbers if piece.startswith(CONTINUES)} - {CONTINUES}
        self._later = {piece[len(CONTINUES) :]: numbers[piece] for piece in later}
        self._first = {piece: number for piece, number in numbers.items() if piece not in later}
        self._known = _Memory(self._spell)

    def split(self, text: str) -> list[int]:
        """Piece numbers of a text, in order; a word that no pieces spell is left out."""
        words = WORD.findall(folded(text))
        return list(chain.from_iterable(map(self._known.__getitem__, words)))

    def split_all(self, texts: Sequence[str]) -> Ragged[np.int32]:
        """The same of many texts, several times faster."""
        words = numbered(list(map(folded, texts)), _PLAIN, WORD.findall)
        spelled = list(map(self._known.__getitem__, words.different))
        sizes = np.fromiter(map(len, spelled), np.int64, len(spelled))
        pieces = np.fromiter(chain.from_iterable(spelled), np.int32, int(sizes.sum()))
        return words.replaced(Ragged(starts_of(sizes), pieces))

    def reads(self, texts: Sequence[str]) -> tuple[Places, Places, Places, Places]:
        """int64[texts] each: the letters of a text, those unread, their pieces, its syllables.

        Of a text without letters, every sign counts as one. Syllables are characters that are each
        a syllable or a word.
        """
        words = numbered(list(map(folded, texts)), _PLAIN, WORD.findall)
        each = np.array([self._counts(word) for word in words.different], np.int64).reshape(-1, 6)
        letters, unread, signs, unread_signs, pieces, syllables = words.summed(each)
        bare = letters == 0
        return (
            np.where(bare, signs, letters), np.where(bare, unread_signs, unread), pieces, syllables
        )  # fmt: skip

    def _counts(self, word: str) -> tuple[int, int, int, int, int, int]:
        """Letters, unread ones, signs of any kind, unread ones, pieces of letters, syllables."""
        pieces = self._known[word]
        letters = len(word) if word.isalpha() else sum(map(str.isalpha, word))
        unread = (letters, len(word)) if not pieces else (0, 0)
        syllables = 0 if word.isascii() else sum(map(len, HAN_KANA_HANGUL.findall(word)))
        of_letters = len(pieces) if letters == len(word) else 0
        return letters, unread[0], len(word), unread[1], of_letters, syllables

    def _spell(self, word: str) -> list[int]:
        """The longest known piece first, then the longest that continues it, and so on."""
        if len(word) > LONGEST_WORD:
            return []
        pieces: list[int] = []
        start, table = 0, self._first
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = table.get(word[start:end])
                if piece is not None:
                    break
            else:
                return []
            pieces.append(piece)
            start, table = end, self._later
        return pieces


class _Memory(dict[str, list[int]]):
    """Pieces of the words seen, spelled when first asked for; emptied when full."""

    def __init__(self, spell: Callable[[str], list[int]]) -> None:
        self._spell = spell

    def __missing__(self, word: str) -> list[int]:
        found = self._spell(word)
        if len(self) >= MEMORY:
            self.clear()
        self[word] = found
        return found


def folded(text: str) -> str:
    """Lower case, without accents."""
    lower = text.lower()
    if lower.isascii():
        return lower
    return unicodedata.normalize("NFD", lower).translate(_BARE)


class _Bare(dict[int, int | None]):
    """Every character as it is, but for the accents on letters, which are left out."""

    def __missing__(self, code: int) -> int | None:
        self[code] = found = None if unicodedata.category(chr(code)) == "Mn" else code
        return found


_BARE: Final = _Bare()

"""Characters by their script: who writes without spaces, and which characters are only for show.

The classes are written so that both Python's `re` and the regular expressions of polars take them,
inside square brackets.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final


def _ranges(bounds: Iterable[tuple[int, int]]) -> str:
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in bounds)


HAN: Final = _ranges(
    [(0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
     (0xF900, 0xFAFF), (0x20000, 0x3FFFD)]
)  # fmt: skip
"""Chinese characters, of Japanese and Korean too: often each a word."""

KANA: Final = _ranges(
    [(0x3031, 0x3035), (0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF),
     (0x3105, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x1B000, 0x1B16F)]
)  # fmt: skip
"""The syllables of Japanese, and the phonetic signs of Chinese."""

HANGUL: Final = _ranges([(0xAC00, 0xD7A3)])
"""The syllables of Korean, which has spaces, but glues particles to its words."""

HAN_KANA_HANGUL: Final = re.compile(f"[{HAN}{KANA}{HANGUL}]+")
"""Runs of characters that are each a syllable or a word."""

SOUTH_EAST_ASIAN: Final = _ranges(
    [(0x0E01, 0x0E3A), (0x0E40, 0x0E4E), (0x0E81, 0x0ECE), (0x0EDC, 0x0EDF), (0x1000, 0x103F),
     (0x1050, 0x108F), (0x109A, 0x109D), (0x1780, 0x17D3), (0x17D7, 0x17D7), (0x17DC, 0x17DD),
     (0x1950, 0x1974), (0x1980, 0x19C9), (0x1A20, 0x1A7C), (0x1B05, 0x1B4C), (0xA980, 0xA9C0),
     (0xA9E0, 0xA9EF), (0xA9FA, 0xA9FE), (0xAA60, 0xAA76), (0xAA7A, 0xAADF)]
)  # fmt: skip
"""Thai, Lao, Burmese, Khmer and their kin: letters with marks, written without spaces."""

BURMESE: Final = _ranges([(0x1000, 0x103F), (0x1050, 0x108F), (0xAA60, 0xAA76)])
"""The part of these in which most syllables are words."""

SELDOM_WRITTEN: Final = _ranges(
    [(0x640, 0x640), (0x64B, 0x652), (0x670, 0x670), (0x591, 0x5BD), (0x5BF, 0x5BF),
     (0x5C1, 0x5C2), (0x5C4, 0x5C5), (0x5C7, 0x5C7)]
)  # fmt: skip
"""The stroke that stretches an Arabic word; the vowel points of Arabic and Hebrew."""

UNSPACED: Final = HAN + KANA + SOUTH_EAST_ASIAN
"""Everything that is written without spaces between words."""

_SCRIPTS: Final = {
    "LATIN": "latin", "FULLWIDTH LATIN": "latin", "CYRILLIC": "cyrillic", "GREEK": "greek",
    "ARABIC": "arabic", "HEBREW": "hebrew", "DEVANAGARI": "devanagari", "ARMENIAN": "armenian",
    "TAMIL": "tamil", "CJK": "han", "KANGXI": "han", "IDEOGRAPHIC": "han", "HIRAGANA": "kana",
    "KATAKANA": "kana", "KATAKANA-HIRAGANA": "kana", "BOPOMOFO": "han", "HANGUL": "hangul",
    "THAI": "thai", "LAO": "lao", "KHMER": "khmer", "MYANMAR": "myanmar", "GEORGIAN": "georgian",
    "BENGALI": "bengali", "GUJARATI": "gujarati", "GURMUKHI": "gurmukhi", "TELUGU": "telugu",
    "KANNADA": "kannada", "MALAYALAM": "malayalam", "SINHALA": "sinhala", "ETHIOPIC": "ethiopic",
    "TIBETAN": "tibetan", "ORIYA": "oriya",
}  # fmt: skip
OTHER: Final = "other"


class _Script(dict[str, str]):
    """The script of each character met, by the first word of its name."""

    def __missing__(self, character: str) -> str:
        name = unicodedata.name(character, "")
        self[character] = found = _SCRIPTS.get(name.partition(" ")[0], OTHER)
        return found


_KNOWN: Final = _Script()
script: Final = _KNOWN.__getitem__
"""The script of a letter: `latin`, `cyrillic`, `han`, ..., or `other`."""


@cache
def marks() -> str:
    """Combining marks: accents, vowel signs and the like, which Python's `\\w` leaves out."""
    return _class(lambda c: unicodedata.category(c)[0] == "M")


@cache
def ignored() -> re.Pattern[str]:
    """Characters nobody sees (soft hyphens, joiners, directions), and those seldom written."""
    more = [(0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
            (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0000, 0xE0FFF)]  # fmt: skip
    unseen = _class(lambda c: unicodedata.category(c) == "Cf") + _ranges(more)
    return re.compile(f"[{unseen}{SELDOM_WRITTEN}]+")


def _class(belongs: Callable[[str], bool]) -> str:
    runs: list[tuple[int, int]] = []
    for code in range(0x80, min(0x20000, sys.maxunicode)):
        if belongs(chr(code)):
            if runs and runs[-1][1] == code - 1:
                runs[-1] = runs[-1][0], code
            else:
                runs.append((code, code))
    return _ranges(runs)

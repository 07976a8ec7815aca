"""When two texts are the same: keys of whole texts, and sets of word shingles.

Texts are compared as a reader sees them. HTML's entities are decoded, characters that nobody sees
are left out, compatibility forms and accents are composed (NFKC), letters are lower case, and
everything that is not a letter, a digit or a mark on one is folded into single spaces. Where words
are written without spaces, each character is a word. Work goes block by block; only hashes are
kept.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Keys, Ragged, by_volume, starts_of
from negatives.chance import span_hashes
from negatives.text.scripts import SELDOM_WRITTEN, UNSPACED

_BLOCK = 8192
_BYTES = 2**21  # of texts that are compared at one time, unless one is longer
_SPACE = ord(" ")
_LINE_END = ord("\n")
_TO_WORDS: Final = bytes(
    ord(chr(code).lower()) if code < 0x80 and chr(code).isalnum() else _SPACE for code in range(256)
)
"""What each byte of an ASCII text is to become: a letter or digit in lower case, or a space."""

_UNSEEN: Final = r"[\p{Cf}\p{Default_Ignorable_Code_Point}]+"
_LEFT_OUT: Final = f"[{SELDOM_WRITTEN}]+"
_FOLDED: Final = {"ß": "ss", "ς": "σ", "i̇": "i", "ı": "i"}
"""What differs still when all is lower case: as in STRASSE and Straße, IŞIK and ışık."""
_NO_WORD: Final = r"[^\p{L}\p{M}\p{N}]+\p{M}*|^\p{M}+"
_CHARACTER: Final = rf"[{UNSPACED}]\p{{M}}*"


def text_keys(texts: pl.Series) -> Keys:
    """uint64[n]: equal exactly (up to hash collisions, 2^-64 a pair) where texts are equal."""
    texts = texts.fill_null("")
    lengths = _sizes(texts)
    parts = [np.empty(0, np.uint64)]
    for start, stop in by_volume(lengths, _BYTES, _BLOCK):
        content = "".join(texts[start:stop].to_list()).encode()
        part = lengths[start:stop]
        parts.append(span_hashes(content, starts_of(part)[:-1], part))
    return np.concatenate(parts)


def normalised_keys(texts: pl.Series) -> Keys:
    """uint64[n]: equal where the normalised texts are; a text of symbols only equals its like."""
    parts = [text_keys(normalised(texts[part])) for part in _blocks(texts)]
    return np.concatenate([np.empty(0, np.uint64), *parts])


def shingles(texts: pl.Series, words: int) -> Ragged[np.uint32]:
    """Distinct hashed runs of `words` words of each text, sorted.

    A text with fewer words is one shingle; a text without words has none.
    """
    values, sizes = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
    for part in _blocks(texts):
        plain = normalised(texts[part])
        hashed, owner = runs(plain, words)
        # Sorting is some ten times faster here than numpy's own `unique`, which hashes.
        ordered = np.sort(owner.astype(np.uint64) << np.uint64(32) | hashed)
        distinct = ordered[np.diff(ordered, prepend=~ordered[:1]) != 0]
        values.append((distinct & np.uint64(0xFFFFFFFF)).astype(np.uint32))
        sizes.append(
            np.bincount((distinct >> np.uint64(32)).astype(np.int64), minlength=len(plain))
        )
    return Ragged(starts_of(np.concatenate(sizes)), np.concatenate(values))


def runs(plain: pl.Series, words: int) -> tuple[Keys, NDArray[np.int64]]:
    """Hash (32 bits) and owner of every run of `words` words of texts that are normalised."""
    tokens, lengths = _tokens(plain)
    return _runs(tokens, lengths, words)


def _tokens(plain: pl.Series) -> tuple[Keys, NDArray[np.int64]]:
    """A hash of every word, one text after another, and how many words each text has."""
    content = " ".join(plain.to_list()).encode()
    if not content:
        return np.empty(0, np.uint64), np.zeros(len(plain), np.int64)
    inside = np.frombuffer(content, np.uint8) != _SPACE
    turns = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    starts, stops = turns[::2], turns[1::2]
    ends = np.cumsum(_sizes(plain) + 1)
    lengths = np.diff(np.searchsorted(starts, ends), prepend=0)
    return span_hashes(content, starts, stops - starts), lengths


def _runs(tokens: Keys, lengths: NDArray[np.int64], words: int) -> tuple[Keys, NDArray[np.int64]]:
    """Hash (32 bits) and owner of every run of `words` consecutive tokens within a text."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.repeat(np.cumsum(lengths), lengths)
    width = np.minimum(np.repeat(lengths, lengths), words)
    start = np.flatnonzero(np.arange(len(tokens)) + width <= ends)
    hashed = np.zeros(len(start), np.uint64)
    for step in range(words):
        inside = step < width[start]
        place = np.minimum(start + step, max(len(tokens) - 1, 0))
        mixed = (hashed ^ tokens[place]) * np.uint64(0x9E3779B97F4A7C15)
        hashed = np.where(inside, mixed ^ (mixed >> np.uint64(29)), hashed)
    return hashed >> np.uint64(32), owner[start]


def normalised(texts: pl.Series) -> pl.Series:
    """The texts as they are compared; of one of symbols only, the symbols that are seen."""
    ascii_only = texts.str.len_bytes() == texts.str.len_chars()
    ordinary = (ascii_only & ~texts.str.contains("&", literal=True)).fill_null(False)
    plain = _where(texts, ~ordinary, _words_apart)
    plain = _where(plain, ordinary, _ascii_words_apart)
    bare = plain == ""
    if not bare.any():
        return plain
    symbols = _folded(texts.filter(bare)).str.replace_all(r"\s+", " ").str.strip_chars()
    return plain.scatter(bare.arg_true(), symbols)


def _folded(texts: pl.Series) -> pl.Series:
    return _without_variants(_composed(_decoded(texts)).str.to_lowercase())


def _words_apart(texts: pl.Series) -> pl.Series:
    """Words, and characters where each is a word, with single spaces between them."""
    return _characters_apart(_folded(texts).str.replace_all(_NO_WORD, " ")).str.strip_chars()


def _ascii_words_apart(texts: pl.Series) -> pl.Series:
    """The same of texts of ASCII without HTML's entities, several times faster."""
    ends = np.cumsum(_sizes(texts) + 1) - 1
    signs = np.frombuffer(
        bytearray(" ".join([*texts.to_list(), ""]).encode().translate(_TO_WORDS)), np.uint8
    )
    signs[ends] = _LINE_END
    kept = signs != _SPACE
    kept[1:] |= signs[:-1] > _SPACE  # the first space behind a word
    return pl.Series(signs[kept].tobytes().decode().split("\n")[:-1]).str.strip_chars_end()


def _where(
    texts: pl.Series, chosen: pl.Series, change: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """The texts, with those that are `chosen` changed; the others are not even looked at."""
    if not chosen.any():
        return texts
    places = chosen.arg_true()
    changed = change(texts.gather(places))
    at = pl.int_range(len(texts), dtype=pl.UInt32, eager=True)
    at = at.scatter(places, pl.int_range(len(texts), len(texts) + len(places), eager=True))
    return pl.concat([texts, changed]).gather(at)


def _decoded(texts: pl.Series) -> pl.Series:
    """HTML's entities as the characters they stand for; twice, for some are encoded twice."""
    for _ in range(2):
        found = texts.str.extract_all(r"&#?\w+;").explode(empty_as_null=False).drop_nulls()
        entities = {name: html.unescape(name) for name in found.unique().sort().to_list()}
        texts = texts.str.replace_many(entities)
    return texts


def _composed(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(_UNSEEN, "").str.normalize("NFKC")


def _without_variants(texts: pl.Series) -> pl.Series:
    return texts.str.replace_many(_FOLDED).str.replace_all(_LEFT_OUT, "")


def _characters_apart(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(_CHARACTER, " $0 ").str.replace_all(" +", " ")


def _blocks(texts: pl.Series) -> Iterator[slice]:
    for start, stop in by_volume(_sizes(texts), _BYTES, _BLOCK):
        yield slice(start, stop)


def _sizes(texts: pl.Series) -> NDArray[np.int64]:
    """int64[n]: the bytes of each text; a text that is not there has none."""
    return texts.str.len_bytes().fill_null(0).to_numpy().astype(np.int64)

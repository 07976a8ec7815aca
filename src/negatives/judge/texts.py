"""When two texts are the same: keys of whole texts, and sets of word shingles.

Texts are compared after NFKC normalisation, lower-casing, and folding of everything that is not a
letter or a digit into single spaces. Work goes block by block; only hashes are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Shingles = tuple[NDArray[np.uint32], NDArray[np.int64]]
"""Values of all texts, and offsets[n + 1] of each text's own."""

_BLOCK = 8192


def text_keys(texts: pl.Series) -> Keys:
    """uint64[n]: equal exactly (up to hash collisions, 2^-64 a pair) where texts are equal."""
    return texts.hash(seed=1).to_numpy()


def normalised_keys(texts: pl.Series) -> Keys:
    """uint64[n]: equal where the normalised texts are; a text of symbols only equals its like."""
    parts = [text_keys(normalised(texts[part])) for part in _blocks(len(texts))]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def shingles(texts: pl.Series, words: int) -> Shingles:
    """Distinct hashed runs of `words` words of each text, as (values, offsets[n + 1]), sorted.

    A text with fewer words is one shingle; a text without words has none.
    """
    values: list[NDArray[np.uint32]] = []
    sizes: list[NDArray[np.int64]] = []
    for part in _blocks(len(texts)):
        plain = normalised(texts[part])
        hashed, owner = runs(plain, words)
        # Sorting is some ten times faster here than numpy's own `unique`, which hashes.
        ordered = np.sort(owner.astype(np.uint64) << np.uint64(32) | hashed)
        distinct = ordered[np.diff(ordered, prepend=~ordered[:1]) != 0]
        values.append((distinct & np.uint64(0xFFFFFFFF)).astype(np.uint32))
        sizes.append(
            np.bincount((distinct >> np.uint64(32)).astype(np.int64), minlength=len(plain))
        )
    offsets = np.zeros(len(texts) + 1, np.int64)
    if sizes:
        np.cumsum(np.concatenate(sizes), out=offsets[1:])
    return np.concatenate(values) if values else np.empty(0, np.uint32), offsets


def runs(plain: pl.Series, words: int) -> tuple[Keys, NDArray[np.int64]]:
    """Hash (32 bits) and owner of every run of `words` words of texts that are normalised."""
    split = plain.str.split(" ")
    filled = plain.str.len_bytes() > 0  # splitting nothing gives one empty word
    lengths = (split.list.len() * filled).to_numpy().astype(np.int64)
    tokens = text_keys(split.filter(filled).explode(empty_as_null=False))
    return _runs(tokens, lengths, words)


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
    """The texts as they are compared; one of symbols only keeps them."""
    folded = _composed(texts).str.to_lowercase()
    plain = folded.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    return pl.select(
        pl.when(plain.str.len_bytes() > 0).then(plain).otherwise(folded.str.strip_chars())
    ).to_series()


def _composed(texts: pl.Series) -> pl.Series:
    """NFKC; it leaves ASCII as it is, so that only the other texts go through it."""
    strange = texts.str.len_bytes() != texts.str.len_chars()
    if not strange.any():
        return texts
    places = strange.arg_true()
    composed = texts.gather(places).str.normalize("NFKC")
    at = pl.int_range(len(texts), dtype=pl.UInt32, eager=True)
    at = at.scatter(places, pl.int_range(len(texts), len(texts) + len(places), eager=True))
    return pl.concat([texts, composed]).gather(at)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))

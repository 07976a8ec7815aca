"""Slots: what stands between two words in a collection, and how often each word stands there.

    slot    man ___ a
    words   riding 12, on 5, leading 2

A narrow slot is what stands right before and right behind a word; a wide one has one word more, on
either side. Words of one slot can be put in each other's place without a break in what is next to
them, in any language that writes spaces between words. Where a word is drawn by how often it stands
in the slot, itself included, runs of words stay as common as they were: each word is put in
another's place as often as that other is put in its own (Gibbs sampling).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Doubles, Keys, Places, by_volume, places_within
from negatives.chance import id_hashes, mix

_TOKEN: Final = r"[^\W\d_][\w'’-]*|\d+(?:[.,]\d+)*|[^\w\s]"
_PATTERN: Final = re.compile(_TOKEN)
_EDGE: Final = id_hashes(pl.Series([""]))[0]
"""What stands before the first word of a text, and behind the last."""
_BLOCK: Final = 1 << 24
"""Bytes of texts that are taken apart at a time."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words, numbers and marks of some texts, in order; every array has one entry each.

    The first word of a text counts as written small; any other as it is, so that a name is another
    word than what is written like it.
    """

    text: Places
    """Whose it is."""
    place: Places
    """Its place in its text, from 0."""
    word: Keys
    """A hash of it."""
    narrow: Keys
    """A hash of its narrow slot."""
    wide: tuple[Keys, Keys]
    """Hashes of its wide slots: with one word more before it, and behind it."""
    spelled: dict[int, str]
    """Hash -> word."""

    @staticmethod
    def of(texts: pl.Series) -> Tokens:
        """Those of texts; a null has none."""
        found = texts.fill_null("").str.extract_all(_TOKEN)
        lengths = found.list.len().to_numpy().astype(np.int64)
        each = found.explode(empty_as_null=False)
        place = places_within(lengths)
        each = (
            pl.DataFrame({"each": each, "place": place})
            .select(
                pl.when(pl.col("place") == 0)
                .then(pl.col("each").str.to_lowercase())
                .otherwise("each")
            )
            .to_series()
        )
        different = each.unique()
        hashes = id_hashes(different)
        number = each.cast(pl.Enum(different)).to_physical().cast(pl.Int64).to_numpy()
        word = hashes[number]
        last = np.ones(len(word), bool)
        last[:-1] = place[1:] == 0
        left = np.where(place == 0, _EDGE, np.roll(word, 1))
        right = np.where(last, _EDGE, np.roll(word, -1))
        before = np.where(place <= 1, _EDGE, np.roll(word, 2))
        behind = np.where(last | np.roll(last, -1), _EDGE, np.roll(word, -2))
        return Tokens(
            text=np.repeat(np.arange(len(lengths)), lengths),
            place=place,
            word=word,
            narrow=mix(mix(left) ^ right),
            wide=(mix(mix(mix(before) + left) ^ right), mix(mix(left) ^ mix(mix(right) + behind))),
            spelled=dict(zip(hashes.tolist(), different.to_list(), strict=True)),
        )

    def among(self, words: Iterable[str]) -> Bools:
        """bool[tokens]: which are one of these words."""
        return np.isin(self.word, id_hashes(pl.Series(list(words), dtype=pl.String)))


@dataclass(frozen=True, slots=True)
class Slots:
    """How often each word stands in each slot, narrow or wide; sorted by slot, then word."""

    slot: Keys
    word: Keys
    count: Places
    spelled: dict[int, str]
    """Hash -> word."""

    @staticmethod
    def of(texts: pl.Series, wanted: Keys) -> Slots:
        """The slots of some texts, of the hashes `wanted` only."""
        wanted = np.unique(wanted)
        parts = [pl.DataFrame(schema=_COUNTED)]
        spelled: dict[int, str] = {}
        for tokens in _blocks(texts):
            for slot in (tokens.narrow, *tokens.wide):
                here = np.isin(slot, wanted)
                words = tokens.word[here]
                seen = pl.DataFrame({"slot": slot[here], "word": words}, schema=_COUNTED_KEYS)
                counted = seen.group_by("slot", "word").agg(pl.len().cast(pl.Int64).alias("count"))
                parts.append(counted)
                spelled |= {each: tokens.spelled[each] for each in np.unique(words).tolist()}
        every = pl.concat(parts).group_by("slot", "word").agg(pl.col("count").sum())
        every = every.sort("slot", "word")
        return Slots(
            every["slot"].to_numpy(), every["word"].to_numpy(), every["count"].to_numpy(), spelled
        )

    def only(self, words: Keys) -> Slots:
        """The same with these words and no others."""
        kept = np.isin(self.word, words)
        return Slots(self.slot[kept], self.word[kept], self.count[kept], self.spelled)

    def counts(self, slot: Keys, word: Keys) -> Places:
        """int64[n]: how often each word stands in the slot beside it."""
        asked = pl.DataFrame({"slot": slot, "word": word}, schema=_COUNTED_KEYS)
        known = pl.DataFrame(
            {"slot": self.slot, "word": self.word, "count": self.count}, schema=_COUNTED
        )
        found = asked.join(known, on=["slot", "word"], how="left", maintain_order="left")
        return found["count"].fill_null(0).to_numpy()

    def drawn(self, slot: Keys, draw: Doubles) -> Keys:
        """uint64[n]: a word of each slot by how often it stands there; 0 where none does.

        `draw`: float64[n] in (0, 1).
        """
        if not len(self.slot):
            return np.zeros(len(slot), np.uint64)
        ends = np.concatenate([[0], np.cumsum(self.count)])
        first = np.searchsorted(self.slot, slot, "left")
        last = np.searchsorted(self.slot, slot, "right")
        target = ends[first] + np.floor(draw * (ends[last] - ends[first]))
        at = np.searchsorted(ends[1:], target, "right")
        found: Keys = np.where(first < last, self.word[np.minimum(at, len(self.word) - 1)], 0)
        return found.astype(np.uint64)


_COUNTED_KEYS: Final = {"slot": pl.UInt64, "word": pl.UInt64}
_COUNTED: Final = {**_COUNTED_KEYS, "count": pl.Int64}


def rewritten(text: str, changes: dict[int, str]) -> str | None:
    """The text with other words at some places; None where it has not so many.

    >>> rewritten("A man on a horse.", {1: "woman"})
    'A woman on a horse.'
    """
    parts, end = [], 0
    left = dict(changes)
    for place, found in enumerate(_PATTERN.finditer(text)):
        if place not in left:
            continue
        word = left.pop(place)
        if found[0][0].isupper() and place == 0:
            word = word[0].upper() + word[1:]
        parts += [text[end : found.start()], word]
        end = found.end()
    return None if left else "".join([*parts, text[end:]])


def _blocks(texts: pl.Series) -> Iterator[Tokens]:
    sizes = texts.fill_null("").str.len_bytes().to_numpy()
    for start, stop in by_volume(sizes, _BLOCK):
        yield Tokens.of(texts[start:stop])

"""What is kept of each distinct text: keys, lengths and a sketch, in place of the text itself.

A key is 64 bits. Texts are only ever compared within a query, or with the queries and positives of
a test set, so that chance makes two of them equal about once in 10^12 files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Keys, Ragged, by_volume, starts_of
from negatives.judge.near_duplicate import signatures
from negatives.schema import Side, id_keys
from negatives.text.keys import normalised, runs, text_keys

SHINGLE: Final = 2
"""Words in a shingle, as in the judge near-duplicate."""

SKETCH: Final = 16
"""Smallest hashes kept of a text's shingles; of texts that share four fifths of theirs, fewer than
six agree once in 30,000 times."""

BLANK: Final = int(text_keys(pl.Series([""]))[0])
"""The key of a text without anything in it."""

_TEXTS: Final = 8192
_BYTES: Final = 1 << 20
"""Texts, and bytes of texts, that are measured at once: it takes twenty times their size."""

Sketches = NDArray[np.uint16]


class Seen:
    """Keys met so far, in sorted runs that double in length, so that adding stays cheap."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def new(self, keys: Keys) -> NDArray[np.int64]:
        """Places of the first appearances of keys never met before; they are met now."""
        distinct, first = np.unique(keys, return_index=True)
        fresh = np.ones(len(distinct), bool)
        for run in self._runs:
            at = np.searchsorted(run, distinct).clip(max=len(run) - 1)
            fresh &= run[at] != distinct
        if fresh.any():
            self._runs.append(distinct[fresh])
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            last, before = self._runs.pop(), self._runs.pop()
            self._runs.append(np.sort(np.concatenate([before, last])))
        return np.sort(first[fresh])


@dataclass(frozen=True)
class TextTable:
    """Distinct texts, sorted by key: `keys`, `normal` (keys of the normalised texts), lengths in
    `chars` and `words`, whether each is `cut` (the beginning of a longer document), `sketches`.
    """

    keys: Keys
    normal: Keys
    chars: NDArray[np.uint32]
    words: NDArray[np.uint32]
    cut: NDArray[np.bool_]
    sketches: Sketches

    def at(self, keys: pl.Series) -> NDArray[np.int64]:
        """Where the texts with these keys are."""
        return np.searchsorted(self.keys, keys.to_numpy())

    def normals(self, keys: pl.Series) -> pl.Series:
        """Keys of the normalised texts."""
        return pl.Series(self.normal[self.at(keys)], dtype=pl.UInt64)


@dataclass
class Measuring:
    """Texts as they come by; each is measured once."""

    corpus: pl.Series | None = None
    """The documents that texts may be cut from, as `cut_off` takes them."""
    _seen: Seen = field(default_factory=Seen)
    _parts: list[TextTable] = field(default_factory=list)

    def add(self, texts: pl.Series) -> Keys:
        """The keys of `texts` (stripped); those not met before are measured."""
        keys = text_keys(texts)
        fresh = self._seen.new(keys)
        sizes = texts.str.len_bytes().to_numpy()[fresh]
        for start, stop in by_volume(sizes, _BYTES, _TEXTS):
            at = fresh[start:stop]
            self._parts.append(_measured(texts.gather(at), keys[at], self.corpus))
        return keys

    def add_ids(self, ids: pl.Series, side: Side) -> Keys:
        """The keys of ids that stand for texts, as `Collection.keys` makes them; not met before,
        they are taken for texts of one word that are like no other.
        """
        keys = id_keys(ids, side)
        fresh = self._seen.new(keys)
        own = keys[fresh]
        sketches = own[:, None] >> np.arange(0, 4 * SKETCH, 4, dtype=np.uint64)
        ones = np.ones(len(own), np.uint32)
        cut = np.zeros(len(own), bool)
        self._parts.append(TextTable(own, own, ones, ones, cut, sketches.astype(np.uint16)))
        return keys

    def done(self) -> TextTable:
        """All of them, sorted by key."""
        parts, self._parts = self._parts, []
        if not parts:
            parts = [_measured(pl.Series([""]), np.array([BLANK], np.uint64), None)]
        order = np.argsort(np.concatenate([part.keys for part in parts]))
        columns = ("keys", "normal", "chars", "words", "cut", "sketches")
        return TextTable(*(np.concatenate([getattr(p, c) for p in parts])[order] for c in columns))


def _measured(texts: pl.Series, keys: Keys, corpus: pl.Series | None) -> TextTable:
    plain = normalised(texts)
    hashed, owner = runs(plain, SHINGLE)
    starts = starts_of(np.bincount(owner, minlength=len(texts)))
    sketches = signatures(Ragged(starts, hashed.astype(np.uint32)), SKETCH)
    return TextTable(
        keys=keys,
        normal=text_keys(plain),
        chars=texts.str.len_chars().to_numpy().astype(np.uint32),
        words=(texts.str.count_matches(r"\s+") + 1).to_numpy().astype(np.uint32),
        cut=np.zeros(len(texts), bool) if corpus is None else cut_off(texts, corpus),
        sketches=sketches.astype(np.uint16),
    )


def without_end(texts: pl.Series) -> pl.Series:
    """Texts without the dots at their ends, which may mark a cut."""
    return texts.str.strip_chars_end(" .…")


def cut_off(texts: pl.Series, corpus: pl.Series) -> NDArray[np.bool_]:
    """Which texts are the beginning of a longer document, and none of its own, dots at ends aside.

    `corpus` is `without_end` and sorted: a text sorts right before the texts that begin with it.
    """
    begun = without_end(texts)
    at = corpus.search_sorted(begun, side="left")
    pairs = pl.DataFrame({"next": corpus.gather(at.clip(0, len(corpus) - 1)), "begun": begun})
    after, own = pl.col("next"), pl.col("begun")
    cut = pairs.select(after.str.starts_with(own) & (after != own) & (own != "")).to_series()
    return (cut & (at < len(corpus))).to_numpy()

"""How many letters must be changed to make one name of another (Levenshtein, 1966), for many names.

All names are compared with one at once, a column of the table of distances in the bits of a 64-bit
word (Myers, JACM 1999; for whole names Hyyrö, 2003). So names count with their first 64 characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Keys, Places, Rows

LONGEST: Final = 64
"""Characters of a name that are compared."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names as numbers of characters, longest first; `order[i]` is the place of name i of these.

    `characters: uint32[names, 64]`, from 0, filled up with zeros; `alphabet: uint32`, ascending.
    """

    order: Places
    lengths: Places
    characters: Rows
    alphabet: Rows

    @staticmethod
    def of(names: pl.Series) -> Names:
        """As they are written, in lower case."""
        cut = names.fill_null("").str.to_lowercase().str.slice(0, LONGEST)
        lengths = cut.str.len_chars().to_numpy().astype(np.int64)
        order = np.argsort(-lengths, kind="stable")
        codes = _codes(cut.gather(order))
        alphabet, numbers = np.unique(codes, return_inverse=True)
        table = np.zeros((len(names), LONGEST), np.uint32)
        table[np.arange(LONGEST) < lengths[order][:, None]] = numbers
        return Names(order, lengths[order], table, alphabet)

    def distances(self, name: str) -> NDArray[np.int64]:
        """int64[names]: edits between `name` and each, in the order in which they were given."""
        pattern = _codes(pl.Series([name.lower()[:LONGEST]]))
        made = self._compared(pattern) if len(pattern) else self.lengths
        found = np.empty(len(self.order), np.int64)
        found[self.order] = made
        return found

    def _compared(self, pattern: Rows) -> Places:
        """The same, longest first, of a pattern that is not empty."""
        one, last = np.uint64(1), np.uint64(len(pattern) - 1)
        count = len(self.lengths)
        plus, minus = np.full(count, ~np.uint64(0)), np.zeros(count, np.uint64)
        score = np.full(count, len(pattern), np.int64)
        matches = self._matches(pattern)
        for place in range(int(self.lengths.max(initial=0))):
            there = int(np.searchsorted(-self.lengths, -place, side="left"))
            equal = matches[self.characters[:there, place]]
            up, down = plus[:there], minus[:there]
            vertical = equal | down
            horizontal = (((equal & up) + up) ^ up) | equal
            more, fewer = down | ~(horizontal | up), up & horizontal
            score[:there] += ((more >> last) & one).astype(np.int64)
            score[:there] -= ((fewer >> last) & one).astype(np.int64)
            more = (more << one) | one
            plus[:there] = (fewer << one) | ~(vertical | more)
            minus[:there] = more & vertical
        return score

    def _matches(self, pattern: Rows) -> Keys:
        """uint64[alphabet]: at which places of the pattern each character stands, as bits."""
        found = np.zeros(max(1, len(self.alphabet)), np.uint64)
        at = np.searchsorted(self.alphabet, pattern)
        known = self.alphabet.take(at, mode="clip") == pattern if len(self.alphabet) else at < 0
        bits = np.uint64(1) << np.arange(len(pattern), dtype=np.uint64)
        np.bitwise_or.at(found, at[known], bits[known])
        return found


def _codes(names: pl.Series) -> Rows:
    """uint32: the code points of all names, one after the other."""
    return np.frombuffer("".join(names.to_list()).encode("utf-32-le"), np.uint32)

"""The words of many texts, numbered: what is to be known of a word is found out once.

Text repeats its words, so that of millions of words a few ten thousand are different. Plain ASCII
is taken apart by polars, several times faster than by Python; what a letter is elsewhere, the two
see differently, so that other texts are left to who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from negatives.arrays import Places, Ragged, Value, starts_of


class Numbered(NamedTuple):
    """The different words of some texts, and the numbers of those that each text has, in order."""

    different: list[str]
    of_text: Ragged[np.uint32]

    def replaced(self, by: Ragged[Value]) -> Ragged[Value]:
        """The values of each text where each word stands for some."""
        found = by.take(self.of_text.values)
        return Ragged(found.starts[self.of_text.starts], found.values)

    def summed(self, counts: Places) -> Places:
        """int64[n, texts]: the sums over each text's words of int64[different, n] `counts`."""
        made = np.empty((counts.shape[1], len(self.of_text)), np.int64)
        for sums, each in zip(made, counts.T, strict=True):
            sums[:] = np.diff(starts_of(each[self.of_text.values])[self.of_text.starts])
        return made


def numbered(texts: Sequence[str], plain: str, split: Callable[[str], list[str]]) -> Numbered:
    """The words of texts.

    `plain` is the pattern of a word in lower-case ASCII; `split` gives those of any other text.
    """
    every = pl.Series(texts, dtype=pl.String)
    strange = every.str.len_bytes() != every.str.len_chars()
    words = every.set(strange, "").str.to_lowercase().str.extract_all(plain)
    if strange.any():
        found = list(map(split, every.filter(strange).to_list()))
        words = pl.concat([words, pl.Series(found, dtype=pl.List(pl.String))])
        place = np.arange(len(strange))
        place[strange.to_numpy()] = np.arange(len(strange), len(words))
        words = words.gather(place)
    lengths = words.list.len().to_numpy().astype(np.int64)
    each = words.explode(empty_as_null=False)
    different = each.unique(maintain_order=True)  # the faster way, too
    numbers = each.cast(pl.Enum(different)).to_physical().to_numpy().astype(np.uint32)
    return Numbered(different.to_list(), Ragged(starts_of(lengths), numbers))

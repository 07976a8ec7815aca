"""Texts whose words follow one another as nowhere else: lists of words, which nobody wrote.

A text that was put together to be found, from the words of many queries, has pairs of neighbouring
words that no other text has. The share of such pairs needs no language model and knows no language.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.text.keys import normalised, runs

FEWEST: Final = 20
"""Pairs of words of a text, below which nothing can be said of it."""


def strangeness(texts: pl.Series, others: pl.Series) -> Doubles:
    """float64[texts]: how strange the order of words is, in robust deviations from the `others`.

    NaN for a text that is too short, and where too few others are long enough to compare with. What
    counts is the share of a text's pairs of neighbouring words that none of the others has; of one
    of these itself, that none but itself has. Deviations are from the median of the others, by the
    median absolute deviation.
    """
    _, known_owner, known = _pairs(others)
    distinct = np.unique(np.stack([known, known_owner.astype(np.uint64)]), axis=1)
    keys, counts = np.unique(distinct[0], return_counts=True)
    lengths = np.bincount(known_owner, minlength=len(others))
    alone = np.bincount(
        known_owner, counts[np.searchsorted(keys, known)] == 1, minlength=len(others)
    )
    usual = (alone / np.maximum(lengths, 1))[lengths >= FEWEST]
    sizes, owner, asked = _pairs(texts)
    new = np.bincount(owner, ~np.isin(asked, keys), minlength=len(texts))
    share = np.where(sizes >= FEWEST, new / np.maximum(sizes, 1), np.nan)
    if len(usual) < FEWEST:
        return np.full(len(texts), np.nan)
    middle = float(np.median(usual))
    deviation = 1.4826 * float(np.median(np.abs(usual - middle)))
    made: Doubles = (share - middle) / max(deviation, 1 / np.sqrt(np.median(lengths) + 1) / 4)
    return made


def _pairs(texts: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many pairs each text has; and of every pair whose it is, and its hash."""
    hashed, owner = runs(normalised(texts.fill_null("")), 2)
    return np.bincount(owner, minlength=len(texts)), owner, hashed

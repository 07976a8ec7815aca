"""How alike two texts are by their words."""

from __future__ import annotations

from collections import Counter

import polars as pl

from negatives.text.keys import normalised


def alike(one: str, other: str) -> float:
    """F1 of their words, each counted as often as it occurs: 1 the same ones, 0 none in common.

    >>> alike("A wing lifts.", "lifts a plane")
    0.6666666666666666
    """
    left, right = (Counter(text.split()) for text in normalised(pl.Series([one, other])))
    common = (left & right).total()
    return 2 * common / (left.total() + right.total()) if common else 0.0

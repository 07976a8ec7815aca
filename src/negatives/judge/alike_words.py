"""How alike two texts are by their words."""

from __future__ import annotations

from collections import Counter

from negatives.search.words import split


def alike(one: str, other: str) -> float:
    """F1 of their words, each counted as often as it occurs: 1 the same ones, 0 none in common.

    >>> alike("a wing lifts", "lifts a plane")
    0.6666666666666666
    """
    left, right = Counter(split(one)), Counter(split(other))
    common = (left & right).total()
    return 2 * common / (left.total() + right.total()) if common else 0.0

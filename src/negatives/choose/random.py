"""Examples by chance: what every other way is compared with."""

from __future__ import annotations

from typing import Any

from negatives.arrays import Places
from negatives.choose.chooser import Chooser, Pool


class RandomExamples(Chooser, kind="random"):
    """Examples by chance: what every other way of choosing has to beat at the same budget.

    >>> from negatives import tiny
    >>> from negatives.choose.random import RandomExamples
    >>> tiny.chosen(RandomExamples(count=3))
    ['car', 'hen', 'cat']
    """

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """By a hash of seed and ids."""
        return pool.shuffled(self.kind)[:count], {}

"""How many verdicts flip between two judgings of the same things, and whether one side gains.

McNemar's test (1947) looks at what flips only: if a change helps neither way, a flip to the one
side is as probable as to the other. The exact binomial form is used, for any number of flips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Flips:
    """Of `items` judged twice: `gained` were false and became true, `lost` the other way round.

    >>> found = Flips.of([True, True, False, True], [True, False, False, True])
    >>> found.share, found.gained, found.lost, found.p
    (0.25, 0, 1, 1.0)
    """

    items: int
    gained: int
    lost: int

    @classmethod
    def of(cls, before: Sequence[bool], after: Sequence[bool]) -> Flips:
        """Of the verdicts on the same things, in the same order; raises `ValueError` otherwise."""
        if len(before) != len(after):
            raise ValueError(f"{len(before)} verdicts before, {len(after)} after")
        both = list(zip(before, after, strict=True))
        gained = sum(then and not first for first, then in both)
        return cls(len(both), gained, sum(first and not then for first, then in both))

    @property
    def share(self) -> float:
        """The share of items whose verdict is another than before."""
        return (self.gained + self.lost) / max(1, self.items)

    @property
    def p(self) -> float:
        """McNemar's exact two-sided p-value: 1 where nothing flips.

        >>> round(Flips(items=100, gained=1, lost=9).p, 6)
        0.021484
        """
        from scipy.stats import binomtest  # takes a second to import

        changed = self.gained + self.lost
        return float(binomtest(self.gained, changed, 0.5).pvalue) if changed else 1.0

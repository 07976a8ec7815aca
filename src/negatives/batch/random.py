"""Batches at random: what every other way is compared with."""

from __future__ import annotations

from negatives.batch.epochs import Ordering, Orders
from negatives.batch.examples import Examples
from negatives.batch.order import cut, permutation


class RandomBatches(Ordering, kind="random"):
    """Shuffled rows, cut into batches; conflicts are as many as chance makes.

    >>> from negatives import tiny
    >>> from negatives.batch.random import RandomBatches
    >>> tiny.batches(RandomBatches(), size=4)
    [['hen', 'van', 'cat 2', 'tram'], ['cat', 'bus', 'dog', 'car']]
    """

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Every epoch is another shuffle."""
        return lambda epoch: cut(permutation(len(examples), seed, f"random/{epoch}"), size)

"""Batches in which nothing known to be relevant can be taken for a negative."""

from __future__ import annotations

from negatives.batch.conflicts import Conflicts
from negatives.batch.epochs import Ordering, Orders
from negatives.batch.examples import Examples
from negatives.batch.packing import packed


class ConflictFree(Ordering, kind="conflict-free"):
    """Random batches in which no document of one row is relevant to the query of another.

    Two rows conflict if any document of one, positive or negative, is known to be relevant to the
    query of the other, by text and over all qrels; so rows of one query or of one positive do. A
    row's own negatives are its own matter. Every row comes once an epoch, whatever the conflicts: a
    positive of many rows makes as many batches, the surplus small, and all in random order.

    >>> from negatives import tiny
    >>> from negatives.batch.conflict_free import ConflictFree
    >>> tiny.batches(ConflictFree(), size=4)  # "cat" and "cat 2" are positives of one query
    [['cat 2'], ['hen', 'bus', 'cat'], ['car', 'tram', 'dog', 'van']]
    """

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Look up the conflicts once; every epoch packs another shuffle."""
        conflicts = Conflicts.of(examples)
        return lambda epoch: packed(conflicts, size, seed, f"conflict-free/{epoch}")

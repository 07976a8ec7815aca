"""What a search runs on, and what that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from negatives.arrays import Bools, Floats, Places
from negatives.search.excluded import Excluded
from negatives.search.shortlist import Shortlist

_FIRST = 256  # documents in the first block: all are shortlisted, for there is no bar yet


@dataclass(frozen=True, slots=True)
class Asked:
    """A batch of queries, float32[q, d], and the documents, float32[n, d], possibly a mapped file.

    `allowed` (bool[n]): documents that may be found; `excluded`: pairs that may not, by document.
    Each query has `k` documents or fewer to find.
    """

    queries: Floats
    docs: Floats
    k: int
    allowed: Bools
    excluded: Excluded

    def blocks(self, most: int) -> Iterator[tuple[int, int]]:
        """Ranges of documents that grow as the bar rises: each shortlists about k more."""
        start, first = 0, min(max(_FIRST, 2 * self.k), most)
        while start < len(self.docs):
            stop = min(start + min(max(start, first), most), len(self.docs))
            yield start, stop
            start = stop

    def excluded_in(self, start: int, stop: int) -> tuple[Places, Places]:
        """int64[n] query and column of the pairs excluded in a block."""
        at, end = self.excluded.doc.searchsorted((start, stop))
        query = self.excluded.query[at:end].astype("int64")
        return query, self.excluded.doc[at:end].astype("int64") - start


class Backend(Protocol):
    """What finds the pairs that may be among the k best."""

    @property
    def name(self) -> str:
        """What the manifest says the search ran on."""
        ...

    @property
    def workers(self) -> int:
        """Threads that it uses, and that may score what it shortlists."""
        ...

    def at_once(self, k: int, memory: int) -> int:
        """Queries that are searched together, at most, in so many bytes."""
        ...

    def nominate(self, asked: Asked, shortlist: Shortlist) -> Bools:
        """Shortlist every pair that may be among the k best of its query.

        Returns bool[q]: the queries for which that is done. For the others nothing is shortlisted.
        """
        ...

"""Exact top-k in tiles, for a corpus that no single machine holds: some queries, some documents.

A tile is the top-k of its queries among its range of documents, of whose file nothing else is
opened. The best of two tiles of the same queries are among the best of each, so tiles are joined in
any order and grouping, to the same bytes as one search of everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from negatives.arrays import Floats, Rows
from negatives.search.excluded import Excluded
from negatives.search.searcher import ExactSearch
from negatives.search.shortlist import NO_DOC
from negatives.store.vectors import open_range

Tile = tuple[Rows, Floats]
"""docs: uint32[q, k'] and scores: float32[q, k'], best first; a short row ends in `NO_DOC`."""


def search_tile(
    search: ExactSearch, queries: Floats, k: int, excluded: Excluded, start: int, stop: int
) -> Tile:
    """The `k` best among documents `start` to `stop` - 1, by their rows in the whole corpus."""
    banned = search.banned[(search.banned >= start) & (search.banned < stop)]
    within = (excluded.doc >= start) & (excluded.doc < stop)
    part = replace(search, docs=open_range(search.docs, start, stop), banned=banned - start)
    shifted = (excluded.doc[within] - start).astype(np.uint32)
    docs, scores = part.search(queries, k, Excluded(excluded.query[within], shifted))
    return np.where(docs == NO_DOC, NO_DOC, docs + np.uint32(start)), scores


def joined(tiles: Sequence[Tile], k: int) -> Tile:
    """The `k` best of several tiles of the same queries: by score, then by row."""
    docs = np.concatenate([docs for docs, _ in tiles], axis=1)
    scores = np.concatenate([scores for _, scores in tiles], axis=1)
    order = np.lexsort((docs, -scores), axis=1)[:, :k]
    return np.take_along_axis(docs, order, 1), np.take_along_axis(scores, order, 1)


@dataclass(frozen=True, slots=True)
class Joined:
    """A searcher that has been asked before: the tiles of the queries that it will be asked for."""

    tiles: Sequence[Tile]

    def search(self, queries: Floats, k: int, excluded: Excluded) -> Tile:
        """See `Searcher.search`; the tiles must be of these queries, without these pairs."""
        return joined(self.tiles, k)

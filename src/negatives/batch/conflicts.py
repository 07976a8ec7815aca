"""Conflicts between rows: a document of one is known to be relevant to the query of another.

What a row is trained with counts as known, so rows of one query conflict, and so do rows of one
positive. Nothing here makes batches; it says which rows must not share one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negatives.arrays import Bools, Places, Ragged, spread
from negatives.batch.examples import Examples
from negatives.compiling import Engine, to_compile

_COMPILE = 50_000  # rows below which numpy is done before a compiled loop has been loaded


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Two rows conflict where one shows a key that the other asks about.

    A known pair (query, document) is found from the side that fewer rows stand on: rows of the
    query ask about the document and rows with the document show it, or the other way round. So a
    query with thousands of positives, or a document of thousands of queries, makes no long lists.
    """

    shows: Ragged[np.int32]
    asks: Ragged[np.int32]
    keys: int
    group: Places
    """int64[n]: rows of one number conflict for certain: the same query or the same positive,
    whichever has more rows."""
    compiled: bool

    @staticmethod
    def of(examples: Examples, engine: Engine = "auto") -> Conflicts:
        """Look up who could conflict with whom.

        `engine`: `numba` is several times as fast as `numpy` and gives the same; `auto` takes it
        for many rows where it is installed. `MissingExtra` where it is asked for and missing.
        """
        query, docs = examples.query.astype(np.int64), examples.docs.astype(np.int64)
        stride = int(max(docs.max(initial=0), examples.known.max(initial=0))) + 1
        row, slot = np.nonzero(docs >= 0)
        doc = docs[row, slot]
        own = docs[:, 0] >= 0
        trained = query[own] * stride + docs[own, 0]
        known = examples.known.astype(np.int64)
        pairs = np.sort(np.concatenate([trained, known[:, 0] * stride + known[:, 1]]))
        pairs = pairs[np.diff(pairs, prepend=-1) != 0]
        queries = int(pairs[-1] // stride) + 1 if len(pairs) else 0
        rows_of_query = np.bincount(query, minlength=queries)
        rows_of_doc = np.bincount(doc, minlength=stride)

        asking, asked = pairs // stride, pairs % stride
        of_query, of_doc = rows_of_query[asking], rows_of_doc[asked]
        row_of_query, row_of_doc = np.empty_like(rows_of_query), np.empty_like(rows_of_doc)
        row_of_query[query], row_of_doc[doc] = np.arange(len(query)), row
        same = row_of_query[asking] == row_of_doc[asked]
        kept = (of_query > 0) & (of_doc > 0) & ~(same & (of_query == 1) & (of_doc == 1))
        by_query = pairs[kept & (of_query <= of_doc)]
        by_doc = pairs[kept & (of_query > of_doc)]
        by_doc = by_doc[np.argsort(by_doc % stride, kind="stable")]

        asker, asked_doc = _joined(query, by_query // stride, by_query % stride)
        shower, asked_query = _joined(doc, by_doc % stride, by_doc // stride)
        wanted = np.zeros(stride + len(rows_of_query), bool)
        wanted[by_query % stride] = True
        wanted[stride + by_doc // stride] = True
        number = np.cumsum(wanted) - 1
        everyone = np.arange(len(query))
        shown = np.concatenate([doc, stride + query])
        shows_row = np.concatenate([row, everyone])[wanted[shown]]
        asks_row = np.concatenate([asker, row[shower]])
        asked = np.concatenate([asked_doc, stride + asked_query])

        most_query = rows_of_query[query]
        most_doc = np.bincount(docs[own, 0], minlength=stride)[docs[:, 0]]
        return Conflicts(
            Ragged.of_owners(shows_row, number[shown[wanted[shown]]].astype(np.int32), len(query)),
            Ragged.of_owners(asks_row, number[asked].astype(np.int32), len(query)),
            int(wanted.sum()),
            np.where(most_query >= most_doc, stride + query, docs[:, 0]),
            to_compile(engine, worthwhile=len(query) >= _COMPILE),
        )

    def __len__(self) -> int:
        return len(self.group)

    def clashing(self, rows: Places, batch: Places) -> Bools:
        """bool[n]: whether each of `rows` conflicts with an earlier one of its batch.

        batch: int64[n], rising: rows of one batch stand together.
        """
        if self.compiled:
            from negatives.batch.conflict_loop import clashing

            return clashing(rows, batch, self.shows, self.asks, self.keys)
        return _clashing(rows, batch, self)

    def rate(self, rows: Places, batch: Places) -> float:
        """Share of `rows` that conflict with another of their batch; as for `clashing`."""
        later = self.clashing(rows, batch)
        earlier = self.clashing(rows[::-1], batch[::-1])[::-1]
        return float((later | earlier).mean()) if len(rows) else 0.0


def _joined(left: Places, right: Places, values: Places) -> tuple[Places, Places]:
    """Each place in `left` with each value of `right` (sorted) where the two are the same."""
    start = np.searchsorted(right, np.arange(left.max(initial=-1) + 2))
    lengths = (start[1:] - start[:-1])[left]
    owner = np.repeat(np.arange(len(left)), lengths)
    return owner, values[spread(start[:-1][left], lengths)]


def _clashing(rows: Places, batch: Places, conflicts: Conflicts) -> Bools:
    """All keys that rows show or ask about, sorted by batch and key: who was first?"""
    places, keys = [], []
    for lists in (conflicts.shows, conflicts.asks):
        theirs = lists.take(rows)
        places.append(theirs.owners)
        keys.append(batch[theirs.owners] * conflicts.keys + theirs.values)
    place, key = np.concatenate(places), np.concatenate(keys)
    asks = np.arange(len(place)) >= len(places[0])
    found = np.zeros(len(rows), bool)
    if not len(place):
        return found
    order = np.argsort(key, kind="stable")
    place, asks = place[order], asks[order]
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(place)))
    nobody = len(rows)
    first_asks = np.minimum.reduceat(np.where(asks, place, nobody), starts)[group]
    first_shows = np.minimum.reduceat(np.where(asks, nobody, place), starts)[group]
    found[place[np.where(asks, first_shows, first_asks) < place]] = True
    return found

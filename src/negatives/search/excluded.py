"""Pairs of a query and a document that a search never finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negatives.arrays import Rows


@dataclass(frozen=True, slots=True)
class Excluded:
    """Pairs that are never found: query[i] (a row of the searched queries) with doc[i]."""

    query: Rows
    doc: Rows

    def among(self, queries: Rows) -> Excluded:
        """Those of some queries (rows, rising), numbered from 0, sorted by document."""
        if not len(self.query) or not len(queries):
            return NOTHING
        place = np.minimum(np.searchsorted(queries, self.query), len(queries) - 1)
        chosen = np.flatnonzero(queries[place] == self.query)
        chosen = chosen[np.argsort(self.doc[chosen], kind="stable")]
        return Excluded(place[chosen].astype(np.uint32), self.doc[chosen])


NOTHING = Excluded(np.empty(0, np.uint32), np.empty(0, np.uint32))

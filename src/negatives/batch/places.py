"""Places on the earth, and which documents are near which: the nearest come of an exact tree.

A place is a unit vector from the middle of the earth. Straight lines between such vectors are in
the same order as distances along the ground (haversine), so that the tree may compare the former.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from negatives.arrays import Doubles, Places, Rows
from negatives.batch.examples import Examples
from negatives.batch.near import own_pairs
from negatives.errors import RecipeError
from negatives.search.excluded import Excluded
from negatives.search.shortlist import NO_DOC

EARTH: Final = 6371.0
"""Kilometres from the middle of the earth to the ground, on average."""


def on_earth(latitude: Doubles, longitude: Doubles) -> Doubles:
    """float64[n, 3] of degrees; NaN where either is.

    >>> import numpy as np
    >>> on_earth(np.array([0.0, 90.0]), np.array([0.0, 45.0])).round(3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    north, east = np.radians(latitude), np.radians(longitude)
    level = np.cos(north)
    made: Doubles = np.stack([level * np.cos(east), level * np.sin(east), np.sin(north)], axis=1)
    return made


def kilometres(left: Doubles, right: Doubles) -> Doubles:
    """float64[n] along the ground, of places float64[n, 3].

    >>> import numpy as np
    >>> one, other = on_earth(np.array([0.0, 0.0]), np.array([0.0, 1.0]))
    >>> kilometres(one[None], other[None]).round(2).tolist()
    [111.19]
    """
    straight = np.linalg.norm(left - right, axis=1)
    made: Doubles = 2 * EARTH * np.arcsin(np.minimum(straight / 2, 1.0))
    return made


def middles(place: Doubles, of: Places, count: int) -> Doubles:
    """float64[count, 3]: the middle of the places float64[n, 3] that have each number `of`."""
    made = np.stack([np.bincount(of, each, count) for each in place.T], axis=1)
    length = np.linalg.norm(made, axis=1, keepdims=True)
    found: Doubles = made / np.where(length > 0, length, 1.0)
    return found


def nearest(queries: Doubles, docs: Doubles, most: int, excluded: Excluded) -> Rows:
    """uint32[queries, k]: the documents nearest to each query on the ground, none excluded for it.

    Fewer are filled up with `NO_DOC`; of places as near, the first come first.
    """
    barred = np.bincount(excluded.query, minlength=len(queries))
    wanted = min(most + int(barred.max(initial=0)), len(docs))
    away, found = cKDTree(docs).query(queries, k=np.arange(1, wanted + 1))
    order = np.lexsort((found, away.round(12)), axis=1)
    found = np.take_along_axis(found, order, axis=1)
    cell = np.arange(len(queries))[:, None] * len(docs) + found
    own = np.isin(cell, excluded.query.astype(np.int64) * len(docs) + excluded.doc)
    found[own] = NO_DOC
    last = np.argsort(own, axis=1, kind="stable")  # what is excluded goes behind the others
    kept: Rows = np.take_along_axis(found, last, axis=1)[:, :most].astype(np.uint32)
    return kept


@dataclass(frozen=True, slots=True)
class OnEarth:
    """Queries and positives of examples, numbered without gaps, and where they are.

    A query is in the middle of its positives.
    """

    query: Places
    """int64[n]: the query of each row."""
    positive: Places
    """int64[n]: the positive of each row."""
    queries: Doubles
    positives: Doubles
    known: Excluded

    @staticmethod
    def of(examples: Examples, kind: str) -> OnEarth:
        """Number them; `RecipeError` naming `kind` where it is not known where a positive is."""
        if examples.doc_places is None:
            raise _missing(kind, "documents have no fields `latitude` and `longitude`")
        queries, query = np.unique(examples.query, return_inverse=True)
        docs, positive = np.unique(examples.docs[:, 0], return_inverse=True)
        place = examples.doc_places()[docs]
        lost = np.count_nonzero(np.isnan(place).any(axis=1))
        if lost:
            raise _missing(kind, f"of {lost:,} of {len(docs):,} positives no place is known")
        return OnEarth(
            query.astype(np.int64),
            positive.astype(np.int64),
            middles(place[positive], query, len(queries)),
            place,
            own_pairs(examples, queries, docs),
        )

    def search(self, most: int) -> Rows:
        """uint32[queries, k]: as for `Near`, by the way along the ground."""
        return nearest(self.queries, self.positives, most, self.known)


def _missing(kind: str, what: str) -> RecipeError:
    return RecipeError(
        f"{kind}: {what}",
        where="batch.begin",
        fix='give them degrees (see the reference of fields), or begin = "vectors"',
    )

"""Batches filled with the neighbours of their rows."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from negatives.arrays import Places, Rows, starts_of
from negatives.batch.epochs import Orders
from negatives.batch.examples import Examples
from negatives.batch.near import Near
from negatives.batch.of_vectors import OfVectors
from negatives.batch.order import Order, permutation, placed
from negatives.batch.places import OnEarth
from negatives.compiling import compiled, to_compile
from negatives.errors import RecipeError
from negatives.search.shortlist import NO_DOC

_COMPILE = 1_000_000  # neighbours looked at below which a plain loop is done soon enough
_PICKS = 1024  # random choices among the far neighbours, shared by the rows


class NeighbourBatches(OfVectors, kind="neighbours"):
    """Rows whose positives are near a row's query share its batch (Sample4Geo).

    Deuser et al. (2023), by the similarity of vectors: a row drawn at random brings half of
    `select` from the head of its neighbours and half at random from the rest of them, as far as
    they are unused in this epoch, until the batch is full. Known positives are no neighbours, and a
    positive is brought at most once to a batch. Late batches find their neighbours used, so batches
    are shuffled; the last one is kept, though it is not full. A model that knows nothing yet finds
    no neighbours worth having: with `begin = "places"` the first epochs have those on the map, and
    the model's own from the first `refresh` on, as in the paper.

    >>> from negatives import tiny
    >>> from negatives.batch.neighbours import NeighbourBatches
    >>> tiny.batches(NeighbourBatches(among=3, select=3), size=4)
    [['cat 2', 'dog', 'hen', 'cat'], ['bus', 'car', 'tram', 'van']]
    """

    arranges: ClassVar[bool] = True

    among: Annotated[int, Meta(ge=1, description="neighbours known of each query")] = 128
    select: Annotated[
        int, Meta(ge=0, description="of them brought by a row; 0: random batches")
    ] = 64

    begin: Annotated[
        Literal["vectors", "places"],
        Meta(
            description="what is near before the first refresh: by vectors of the model that "
            "training starts from, or by the fields latitude and longitude of documents"
        ),
    ] = "vectors"

    def check(self) -> None:
        """A row cannot bring more than it knows."""
        if self.select > self.among:
            raise RecipeError(
                f"neighbours: select = {self.select} of among = {self.among}",
                fix="raise among, or lower select",
            )

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Search once; every epoch begins from another shuffle."""
        by_place = self.begin == "places" and not examples.renewed
        near = (OnEarth if by_place else Near).of(examples, self.kind)
        found = near.search(self.among)
        return lambda epoch: self._filled(
            near.query, near.positive, found, size, seed, f"neighbours/{epoch}"
        )

    def _filled(
        self, query: Places, positive: Places, found: Rows, size: int, seed: int, stream: str
    ) -> Order:
        """`found`: uint32[queries, k], the positives near each query."""
        pool = permutation(len(query), seed, f"{stream}/rows")
        members = pool[np.argsort(positive[pool], kind="stable")]
        at = starts_of(np.bincount(positive))
        head = min((self.select + 1) // 2, found.shape[1])
        picks = _picks(found.shape[1] - head, self.select - head, seed, stream)
        rows, batch = np.empty(len(pool), np.int64), np.empty(len(pool), np.int64)
        fill = _compiled() if len(pool) * self.select >= _COMPILE else _fill
        fill(
            rows, batch, size, pool, query, positive, found, head, picks, members, at,
            np.zeros(len(pool), np.bool_), np.full(len(at) - 1, -1, np.int64), at[:-1].copy(),
            int(NO_DOC),
        )  # fmt: skip
        return placed(rows, batch, seed, f"{stream}/batches")


def _picks(far: int, wanted: int, seed: int, stream: str) -> NDArray[np.int32]:
    """int32[1024, w]: choices of `wanted` of the `far` places after the head, or of all of them."""
    shuffled = permutation(_PICKS * far, seed, f"{stream}/far").reshape(_PICKS, far)
    return np.argsort(shuffled, axis=1)[:, : min(wanted, far)].astype(np.int32)


@cache
def _compiled() -> Any:
    """The loop below, compiled where numba is installed; it works on whole numbers only."""
    return compiled(_fill) if to_compile() else _fill


def _fill(
    rows: Any, batch: Any, size: int, pool: Any, query: Any, positive: Any,
    near: Any, head: int, picks: Any, members: Any, at: Any,
    used: Any, brought: Any, begin: Any, nothing: int,
) -> None:  # fmt: skip
    """Fill `rows` and their `batch`; plain loops, readable by numba.

    `members[at[p] : at[p + 1]]` are the rows of positive p, from `begin[p]` on not all used;
    `brought` is the last batch of each positive.
    """
    count, number, room = 0, 0, size
    for first in pool:
        if used[first]:
            continue
        if room == 0:
            number, room = number + 1, size
        rows[count], batch[count], used[first] = first, number, True
        brought[positive[first]] = number
        count, room = count + 1, room - 1
        choice = picks[first % len(picks)]
        for turn in range(head + len(choice)):
            if room == 0:
                break
            place = turn if turn < head else head + choice[turn - head]
            doc = near[query[first], place]
            if doc == nothing or brought[doc] == number:
                continue
            while begin[doc] < at[doc + 1] and used[members[begin[doc]]]:
                begin[doc] += 1
            if begin[doc] == at[doc + 1]:
                continue
            row = members[begin[doc]]
            rows[count], batch[count], used[row] = row, number, True
            brought[doc] = number
            count, room = count + 1, room - 1

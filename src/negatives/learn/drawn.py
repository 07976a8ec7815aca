"""Negatives drawn anew at every step, by the laws of a recipe's sampling sources.

Nothing is mined for them. A draw depends on the seed, the ids of the example, and the number of the
step: not on rows, batches or processes, and a training that was stopped goes on with the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Floats, Keys, Places
from negatives.chance import id_hashes, mix, stream_key
from negatives.errors import DataError
from negatives.events import Emit, Warned
from negatives.find.sampled import SampledSource
from negatives.learn.training_set import TrainingSet
from negatives.sample.attempts import GOLDEN, NO_DOC
from negatives.sample.conditioned import Conditioned
from negatives.sample.exclusion import Exclusion
from negatives.schema import Collection
from negatives.stage import Source


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of one source for the n examples of a batch, s places each, m draws a place.

    `docs: int64[n, s, m]`, -1 where nothing was left to draw; `log_q: float32[n, s]`, NaN where one
    of several draws is chosen, and where nothing was left.
    """

    docs: Places
    log_q: Floats


@dataclass(frozen=True, slots=True)
class _Law:
    conditioned: Conditioned
    places: int
    best_of: int
    key: np.uint64

    def draw(self, pairs: Keys, rows: Places, step: int) -> Draws:
        """For the examples of these keys, which are of these rows of queries."""
        at_step = mix(np.array([step], np.uint64) * GOLDEN ^ self.key)
        found = self.conditioned.draw(mix(pairs ^ at_step), rows, self.places * self.best_of)
        docs = found.astype(np.int64)
        docs[found == NO_DOC] = -1
        if self.best_of > 1:
            log_q = np.full((len(rows), self.places), np.nan, np.float32)
        else:
            log_q = self.conditioned.log_q(rows, found)
            log_q[docs < 0] = np.nan
        return Draws(docs.reshape(len(rows), self.places, self.best_of), log_q)


@dataclass(frozen=True)
class StepDraws:
    """What draws the negatives of a training set, step by step."""

    laws: tuple[_Law, ...]
    rows: Places
    """int64[examples]: the row of each example's query."""
    pairs: Keys
    """uint64[examples]: a key of the ids of each example."""
    corrected: bool
    """Whether every draw has a log_q."""

    @staticmethod
    def of(
        found: TrainingSet,
        sources: Sequence[Source],
        negatives: int,
        seed: int,
        never: pl.DataFrame | None = None,
        emit: Emit = lambda _: None,
    ) -> StepDraws:
        """`negatives` of each example, shared out by the `top` of each source.

        `never`: pairs (query, doc by row) that are drawn no more than known positives are. Raises
        `DataError` where no query of an example has anything left to draw.
        """
        collection, pairs = found.collection, found.positives
        exclusion = excluded(collection, never)
        sampled = [cast("SampledSource", source) for source in sources]
        shares = shared_out(negatives, [source.proposes for source in sampled])
        laws = []
        for source, places in zip(sampled, shares, strict=True):
            law = source.law(collection)
            if law is None:
                raise DataError(
                    "no document can be drawn",
                    where=f"find {source.label}, collection {collection.name!r}",
                    fix="give documents a text",
                )
            if places:
                key = stream_key(seed, f"train/{source.label}")
                laws.append(_Law(Conditioned.of(law, exclusion), places, source.best_of, key))
        _tell_of_full(found, laws, emit)
        queries = id_hashes(collection.queries["query_id"])[pairs[:, 0]]
        docs = id_hashes(collection.corpus["doc_id"])[pairs[:, 1]]
        return StepDraws(
            tuple(laws),
            pairs[:, 0].astype(np.int64),
            mix(queries ^ mix(docs)),
            all(law.best_of == 1 for law in laws),
        )

    def draw(self, examples: NDArray[np.int64], step: int) -> list[Draws]:
        """The draws of each law for some examples, by number, at a step."""
        rows, pairs = self.rows[examples], self.pairs[examples]
        return [law.draw(pairs, rows, step) for law in self.laws]


def excluded(collection: Collection, never: pl.DataFrame | None) -> Exclusion:
    """The positives of a collection, and further pairs that are not to be drawn."""
    if never is None:
        return Exclusion.from_collection(collection)
    pairs = pl.concat([collection.positives, never.select("query", "doc")])
    return Exclusion.from_pairs(
        pairs["query"].to_numpy(),
        pairs["doc"].to_numpy(),
        queries=len(collection.queries),
        docs=len(collection.corpus),
    )


def shared_out(places: int, weights: Sequence[int]) -> list[int]:
    """`places` in proportion to the weights, what is left over to the largest remainders."""
    exact = np.array(weights, np.float64) * places / max(1, sum(weights))
    made = np.floor(exact).astype(int)
    order = np.argsort(-(exact - made), kind="stable")
    made[order[: places - int(made.sum())]] += 1
    return [int(each) for each in made]


def _tell_of_full(found: TrainingSet, laws: Sequence[_Law], emit: Emit) -> None:
    """Say how many queries have nothing left to draw; `DataError` where it is all of them."""
    asked = np.unique(found.positives[:, 0])
    if not laws:
        return
    left = np.max([law.conditioned.drawable[asked] for law in laws], axis=0)
    full = asked[left <= 0]
    if not len(full):
        return
    ids = found.collection.queries["query_id"].gather(full[:3])
    listed = ", ".join(map(repr, ids)) + (", ..." if len(full) > 3 else "")
    if len(full) == len(asked):
        raise DataError(
            "every document is a positive of every query, or must not be drawn: there are no "
            "negatives",
            where=f"collection {found.collection.name!r}, queries {listed}",
            fix="give documents that not every query has",
        )
    emit(
        Warned(
            f"{len(full):,} of {len(asked):,} queries have every document as a positive, or none "
            f"that may be drawn: they have no negatives ({listed})"
        )
    )

"""Negatives for a trainer's loop: millions a second, never a known positive, each with its log_q.

    positives = Exclusion.from_pairs(user, item, queries=users, docs=items)
    sampler = PopularityNegatives(positives, power=0.75, seed=0)
    drawn = sampler.draw(batch_users, per_query=64, step=step)
    drawn.docs, drawn.log_q, drawn.mask      # uint32, float32, bool [b, 64]

A sampler holds arrays only: it can be copied to the workers of any data loader.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from negatives.arrays import Bools, Floats, Keys, Places, Rows
from negatives.chance import mix, stream_key
from negatives.compiling import Engine
from negatives.errors import InputError
from negatives.sample.attempts import NO_DOC
from negatives.sample.conditioned import Conditioned
from negatives.sample.distinct import draw_distinct
from negatives.sample.exclusion import Exclusion, within
from negatives.sample.law import Law
from negatives.schema import Collection


@dataclass(frozen=True, slots=True)
class Drawn:
    """Negatives of a batch of b queries, m slots each.

    `docs: uint32[b, m]`, `NO_DOC` (2^32 - 1) in slots that nothing was left for; `log_q: float32[b,
    m]`, the log-probability that one draw for this query, its positives excluded, gives the
    document (-inf in such slots); `missing: int32[b]`, how many such slots a query has.
    """

    docs: Rows
    log_q: Floats
    missing: NDArray[np.int32]

    @property
    def mask(self) -> Bools:
        """bool[b, m]: the slots that hold a document."""
        mask: Bools = self.docs != NO_DOC
        return mask


@dataclass(frozen=True, eq=False, kw_only=True)
class Sampler(ABC):
    """What samplers share: a law, the positives it must never give, and a seed.

    `distinct`: no document twice in a row (each drawn from those not drawn before; log_q stays that
    of a single draw). `never`: documents that no query may get. `engine`: see `Conditioned.of`.
    """

    positives: Exclusion = field(repr=False, kw_only=False)
    seed: int = 0
    distinct: bool = False
    never: ArrayLike | None = field(default=None, repr=False)
    engine: Engine = "auto"
    conditioned: Conditioned = field(init=False, repr=False)

    def __post_init__(self) -> None:
        conditioned = Conditioned.of(self._law(), self.positives, self.engine)
        object.__setattr__(self, "conditioned", conditioned)

    @abstractmethod
    def _law(self) -> Law:
        """How likely each document is, before any exclusion."""

    def draw(self, query_rows: ArrayLike, per_query: int, step: int | ArrayLike = 0) -> Drawn:
        """`per_query` negatives for each of `query_rows: [b]`.

        They depend on the seed, the query's row, the slot and `step` only: not on the batch, on
        threads, or on whether numba is there. `step` is any whole number that changes from draw to
        draw; give one for each row ([b]), such as the number of the training example, where a
        query can come twice in a batch and should not get the same negatives. Raises `InputError`
        for a row that is no query, or a negative `per_query` or step.
        """
        if per_query < 0:
            raise InputError(f"per_query is {per_query}", fix="ask for 0 negatives or more")
        rows = self.positives.check_rows(query_rows)
        keys = self.keys(rows, step)
        if self.distinct:
            docs = draw_distinct(self.conditioned, keys, rows, per_query)
        else:
            docs = self.conditioned.draw(keys, rows, per_query)
        left = self.conditioned.drawable[rows]
        if not self.distinct:
            left = np.where(left > 0, per_query, 0)
        missing = np.maximum(per_query - left, 0).astype(np.int32)
        return Drawn(docs, self.conditioned.log_q(rows, docs), missing)

    def keys(self, rows: Places, step: int | ArrayLike, stream: str = "own") -> Keys:
        """uint64[b]: the random key of each row at a step."""
        steps = np.atleast_1d(np.asarray(step))
        if steps.dtype.kind not in "ui" or (steps < 0).any() or len(steps) not in (1, len(rows)):
            raise InputError(
                f"step is {step!r}", fix="a whole number >= 0, or one for each query row"
            )
        key = stream_key(self.seed, f"sample/{type(self).__name__}/{stream}")
        return mix(mix(rows.astype(np.uint64)) ^ mix(steps.astype(np.uint64) ^ key))

    def _allowed(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.never is not None:
            weights[within(self.never, self.positives.docs, "document")] = 0.0
        return weights


@dataclass(frozen=True, eq=False, kw_only=True)
class UniformNegatives(Sampler):
    """Every document that is not a positive of the query is as likely as any other."""

    @classmethod
    def from_collection(
        cls, collection: Collection, *, seed: int = 0, distinct: bool = False
    ) -> UniformNegatives:
        """Without the collection's positives and documents that have no text."""
        positives = Exclusion.from_collection(collection)
        return cls(positives, seed=seed, distinct=distinct, never=collection.empty_docs)

    def _law(self) -> Law:
        if self.never is None or np.size(self.never) == 0:
            return Law.uniform(self.positives.docs)
        return Law.weighted(self._allowed(np.ones(self.positives.docs)))


@dataclass(frozen=True, eq=False, kw_only=True)
class PopularityNegatives(Sampler):
    """Documents in proportion to weight ** power (Mikolov et al., 2013, section 2.2).

    `weights`: one for each document; without them, how many queries have it as a positive, plus 1,
    so that a document nobody has can be drawn too.
    """

    power: float = 0.75
    weights: ArrayLike | None = field(default=None, repr=False)

    @classmethod
    def from_collection(
        cls, collection: Collection, *, power: float = 0.75, seed: int = 0, distinct: bool = False
    ) -> PopularityNegatives:
        """Without the collection's positives and documents that have no text."""
        positives = Exclusion.from_collection(collection)
        never = collection.empty_docs
        return cls(positives, power=power, seed=seed, distinct=distinct, never=never)

    def _law(self) -> Law:
        counted = self.positives.counts() + 1.0 if self.weights is None else self.weights
        weights = np.array(counted, np.float64)
        if weights.shape != (self.positives.docs,):
            raise InputError(
                f"weights of shape {weights.shape} for {self.positives.docs:,} documents",
                fix="one weight for each document",
            )
        return Law.weighted(self._allowed(weights), self.power)

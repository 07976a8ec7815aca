"""Negatives that the rows of a batch share: drawn once for all of them, or each other's positives.

Sharing costs one lookup of vectors a batch, not one a row. What is a positive of a row is masked
in that row only, so the documents a row keeps follow the law without its positives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from negatives.arrays import Bools, Floats, Places, Rows
from negatives.errors import InputError
from negatives.sample.attempts import NO_DOC
from negatives.sample.conditioned import Conditioned
from negatives.sample.distinct import draw_distinct
from negatives.sample.exclusion import Exclusion, within
from negatives.sample.law import Law
from negatives.sample.samplers import Sampler


@dataclass(frozen=True, slots=True)
class Shared:
    """One list of m documents for b queries.

    `docs: uint32[m]`; `mask: bool[b, m]`, whether the document is a negative of the query; `log_q:
    float32[b, m]`, the log-probability that one draw, the query's positives excluded, gives it
    (-inf where masked).
    """

    docs: Rows
    mask: Bools
    log_q: Floats

    @property
    def missing(self) -> NDArray[np.int32]:
        """int32[b]: how many of the documents are no negatives of each query."""
        missing: NDArray[np.int32] = np.sum(~self.mask, axis=1, dtype=np.int32)
        return missing


@dataclass(frozen=True, eq=False)
class SharedNegatives:
    """The law, seed and engine of `sampler`, drawn from once for a whole batch."""

    sampler: Sampler
    _whole: Conditioned = field(init=False, repr=False)

    def __post_init__(self) -> None:
        law = self.sampler.conditioned.law
        nothing = Exclusion.from_pairs([], [], queries=1, docs=law.docs)
        whole = Conditioned.of(law, nothing, self.sampler.engine)
        object.__setattr__(self, "_whole", whole)

    def draw(self, query_rows: ArrayLike, count: int, step: int = 0) -> Shared:
        """`count` documents for all of `query_rows: [b]`; they depend on seed and step only.

        Distinct if the sampler's are; then fewer where the law has fewer. Raises `InputError` for a
        row that is no query, or a negative count or step.
        """
        if count < 0:
            raise InputError(f"count is {count}", fix="ask for 0 documents or more")
        rows = self.sampler.positives.check_rows(query_rows)
        one = np.zeros(1, np.int64)
        keys = self.sampler.keys(one, step, "shared")
        if self.sampler.distinct:
            docs = draw_distinct(self._whole, keys, one, count)[0]
        else:
            docs = self._whole.draw(keys, one, count)[0]
        docs = docs[docs != NO_DOC]
        excluded = self.sampler.positives.contains(rows[:, None], docs)
        return _masked(self.sampler.conditioned, rows, docs, ~excluded)


@dataclass(frozen=True, eq=False)
class InBatchNegatives:
    """The positives of a batch's other rows.

    Pairs come to a batch as often as they are in the data, so a document comes in proportion to
    how often it is a positive: its count is the law that log_q states (Yi et al., 2019, "Sampling-
    bias-corrected neural modeling"). `weights` replaces the counts, where pairs are batched by
    another law.
    """

    positives: Exclusion = field(repr=False)
    weights: ArrayLike | None = field(default=None, repr=False)
    _conditioned: Conditioned = field(init=False, repr=False)

    def __post_init__(self) -> None:
        law = Law.weighted(self.positives.counts() if self.weights is None else self.weights)
        conditioned = Conditioned.of(law, self.positives, "numpy")
        object.__setattr__(self, "_conditioned", conditioned)

    def among(self, query_rows: ArrayLike, docs: ArrayLike) -> Shared:
        """Each row's negatives among `docs: [b]`, the positives of `query_rows: [b]`.

        Masked are the row's own document, copies of it in the batch, and all its known positives.
        Raises `InputError` for a row number out of range, or a document of no weight.
        """
        rows = self.positives.check_rows(query_rows)
        own = within(docs, self.positives.docs, "document").astype(np.uint32)
        if len(rows) != len(own):
            raise InputError(
                f"{len(rows):,} queries are batched with {len(own):,} documents",
                fix="give one document for each query",
            )
        weightless = own[self._conditioned.law.tickets[own] == 0]
        if len(weightless):
            raise InputError(
                f"documents of a batch that no query has as a positive: {weightless[:5].tolist()}",
                fix="give `weights` that count the pairs you batch",
            )
        negative = ~self.positives.contains(rows[:, None], own) & (own[:, None] != own)
        return _masked(self._conditioned, rows, own, negative)


def _masked(conditioned: Conditioned, rows: Places, docs: Rows, negative: Bools) -> Shared:
    each = np.broadcast_to(docs, negative.shape)
    log_q = np.where(negative, conditioned.log_q(rows, each), np.float32(-np.inf))
    return Shared(docs, negative, log_q)

"""Votes of like queries, and popularity: evidence about documents that have nothing but ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Floats, Places
from negatives.opening import JudgeContext
from negatives.search.shared_positives import Reach, SharedPositives
from negatives.stage import Judge


class LikeQueries(Judge, kind="like-queries"):
    """How alike the queries are that have a document as a positive: their votes, added up.

    User-based nearest neighbours (Resnick et al., 1994): every other query that has the document
    votes with the squared cosine of the positives of both, the document itself left out; so
    evidence only. A labelled pair is seen as if its own label was not known, and by as many
    positives of its query as an unlabelled one.

    >>> from negatives import LikeQueries, tiny
    >>> tiny.judged(LikeQueries())  # it adds evidence, and objects to nothing
    {}
    """

    evidence: ClassVar[Mapping[str, int]] = {"like_queries": 1}

    def open(self, context: JudgeContext) -> LikeQueriesRuling:
        """Count what queries share."""
        shared = SharedPositives.of(context.collection, context.seed)
        return LikeQueriesRuling(Reach(shared, np.ones(len(shared.queries)), _Cosine(shared)))


@dataclass(frozen=True, slots=True)
class _Cosine:
    """The squared cosine of two queries without the document that is asked about."""

    shared: SharedPositives

    def __call__(self, queries: NDArray[Any], owners: NDArray[Any], shared: Floats) -> Floats:
        others: Places = np.maximum(self.shared.docs.lengths - 1, 1)
        made: Floats = (shared * shared / (others[queries] * others[owners])).astype(np.float32)
        return made


@dataclass(frozen=True, slots=True)
class LikeQueriesRuling:
    """The positives of one collection."""

    reach: Reach

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`like_queries`: the sum of the votes."""
        votes = self.reach.pairs(rows["query"].to_numpy(), rows["doc"].to_numpy())
        return pl.DataFrame({"like_queries": votes.astype(np.float32)})


class PopularityEvidence(Judge, kind="popularity"):
    """How many other queries have a document as a positive: evidence only.

    What everybody has is had by this query, too, more often than not; but it is also seen more
    often, and then left alone on purpose: so p_relevant may rise or fall with it. The query itself
    is never counted.

    >>> from negatives import PopularityEvidence, tiny
    >>> tiny.judged(PopularityEvidence())  # it adds evidence, and objects to nothing
    {}
    """

    evidence: ClassVar[Mapping[str, int]] = {"popularity": 0}

    def open(self, context: JudgeContext) -> PopularityRuling:
        """Count the queries of every document."""
        return PopularityRuling(SharedPositives.of(context.collection, context.seed))


@dataclass(frozen=True, slots=True)
class PopularityRuling:
    """The positives of one collection."""

    shared: SharedPositives

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`popularity`: log(1 + how many other queries)."""
        counts = self.shared.counts(rows["query"].to_numpy(), rows["doc"].to_numpy())
        return pl.DataFrame({"popularity": np.log1p(counts).astype(np.float32)})

"""Documents that are positives of the same queries as a query's own positives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats, Rows
from negatives.events import Noted, Warned
from negatives.find.candidates import COLUMNS, among_positives, ranked
from negatives.opening import Context
from negatives.search.shared_positives import Reach, SharedPositives
from negatives.stage import Source


class CoOccurrence(Source, kind="co-occurrence"):
    """Documents that share queries with the query's positives: nearest by judgements alone.

    What item-based nearest neighbours recommend (Sarwar et al., 2001; Linden et al., 2003): two
    documents are as alike as the cosine of the sets of queries that they are positives of, and a
    document is scored by its mean likeness to the query's positives. It needs nothing but ids. A
    labelled pair is scored, and ranked, as if its own label was not known, and by as many positives
    as an unlabelled one: so that an estimator can learn from both. A query with one positive has
    no others by which its own label could be left aside, and gets nothing.

    >>> from negatives import CoOccurrence, tiny
    >>> tiny.proposed(CoOccurrence())  # every query of this collection has one positive
    {}
    """

    scores_pairs: ClassVar[bool] = True
    reads_judgements: ClassVar[bool] = True
    leaves_out_own: ClassVar[bool] = True
    top: Annotated[
        int, Meta(ge=1, description="candidates per query, its positives not counted")
    ] = 100
    shrink: Annotated[
        float,
        Meta(ge=0, description="queries added to every count, so that few shared ones say little"),
    ] = 5.0

    def open(self, context: Context) -> CoOccurrenceProposer:
        """Count; say how many queries have nothing to go by."""
        collection = context.collection
        shared = SharedPositives.of(collection, context.seed)
        sizes = shared.docs.lengths[collection.mined_queries]
        alone = int((sizes == 1).sum())
        owners = shared.queries.lengths
        context.emit(
            Noted(
                f"co-occurrence {self.label}",
                {
                    "documents that are of several queries": int((owners > 1).sum()),
                    "queries with one positive": alone,
                },
            )
        )
        if alone:
            have, them = ("has", "it") if alone == 1 else ("have", "them")
            context.emit(
                Warned(
                    f"{self.label}: {alone:,} of {len(sizes):,} queries {have} one positive, and "
                    f"what it occurs with is told by no other: nothing is proposed for {them}"
                )
            )
        weights = 1 / np.sqrt(np.maximum(owners - 1, 0) + self.shrink + _LEAST)
        return CoOccurrenceProposer(
            self.top, self.shrink, shared, Reach(shared, weights, _as_it_is), collection.positives
        )


_LEAST = 1e-9


def _as_it_is(queries: NDArray[Any], owners: NDArray[Any], shared: Floats) -> Floats:
    return shared


@dataclass(frozen=True, slots=True)
class CoOccurrenceProposer:
    """Counts of one collection, and the arithmetic."""

    top: int
    shrink: float
    shared: SharedPositives
    reach: Reach
    positives: pl.DataFrame
    fingerprint: str = "judgements"

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The `top` of each query besides its positives, and positives that rank among them."""
        found = [pl.DataFrame(schema=COLUMNS)]
        everything = np.arange(len(self.shared.queries), dtype=np.uint32)
        for some, block in self.reach.blocks(queries):
            scores = self._scaled(block, some[:, None], self._counts(everything)[None, :])
            k = min(self.top, scores.shape[1])
            lowest = -np.partition(-scores, k - 1, axis=1)[:, k - 1]
            row, doc = np.nonzero((scores >= lowest[:, None]) & (scores > 0))
            best = ranked(
                pl.DataFrame(
                    {"query": some[row], "doc": doc.astype(np.uint32), "score": scores[row, doc]}
                )
            )
            found.append(best.filter(pl.col("rank") <= self.top))
        known = self.positives.filter(
            pl.col("query").is_in(pl.Series(queries, dtype=pl.UInt32).implode())
        )
        scored = known.with_columns(
            score=pl.Series(self.score(*known.to_numpy().T.astype(np.uint32)))
        )
        told = scored.filter(pl.col("score") > 0)
        return among_positives(pl.concat(found), told, self.top)

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n]: mean likeness to the query's other positives; 0 where it has none."""
        counts = self.shared.counts(query, doc)
        return self._scaled(self.reach.pairs(query, doc), query, counts)

    def _counts(self, docs: Rows) -> NDArray[np.int64]:
        return self.shared.queries.lengths[docs]

    def _scaled(
        self, reached: NDArray[Any], query: NDArray[Any], counts: NDArray[np.int64]
    ) -> Floats:
        others: Doubles = np.maximum(self.shared.docs.lengths[query] - 1, 1).astype(np.float64)
        scale = np.sqrt(counts + self.shrink + _LEAST)
        made: Floats = (reached / (others * scale)).astype(np.float32)
        return made

"""Candidates that came with the data: given negatives, and documents judged not relevant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from negatives.arrays import Floats, Rows
from negatives.find.candidates import COLUMNS
from negatives.opening import Context
from negatives.stage import Source


class Given(Source, kind="given"):
    """The negatives that came with a pair file, so that they are judged like any other.

    >>> from negatives import Given, tiny
    >>> tiny.proposed(Given())
    {'wings': ['museum']}
    """

    reads_judgements: ClassVar[bool] = True  # a given negative is none of the positives
    ranks_by_relevance: ClassVar[bool] = False

    def open(self, context: Context) -> KnownProposer:
        """Look up the given pairs by row number."""
        return KnownProposer(context.collection.rows_of(context.collection.given))


class Judged(Source, kind="judged"):
    """Documents explicitly judged not relevant: the surest negatives there are.

    >>> from negatives import Judged, tiny
    >>> tiny.proposed(Judged())
    {'pans': ['stove']}
    """

    reads_judgements: ClassVar[bool] = True  # it proposes nothing else than judged pairs
    ranks_by_relevance: ClassVar[bool] = False

    def open(self, context: Context) -> KnownProposer:
        """Look up the judgements of zero."""
        judged = context.collection.judged
        return KnownProposer(judged.filter(pl.col("relevance") == 0))


@dataclass(frozen=True, slots=True)
class KnownProposer:
    """A fixed table of (query, doc) pairs."""

    pairs: pl.DataFrame
    fingerprint: str = "data"

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The known pairs of these queries, in document order; they have no score of their own."""
        return (
            self.pairs.select("query", "doc")
            .filter(pl.col("query").is_in(queries))
            .sort("query", "doc")
            .with_columns(
                rank=pl.int_range(1, pl.len() + 1).over("query"), score=pl.lit(None, pl.Float32)
            )
            .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        )

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: nothing here scores a pair."""
        return None

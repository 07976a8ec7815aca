"""Stages of a third party, for tests: an estimator by rank, a costly judge, a failing picker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Rows
from negatives.estimation import Revised
from negatives.opening import EstimateContext, JudgeContext
from negatives.schema import REJECTED
from negatives.stage import Estimator, Judge, Picker


class ByRank(Estimator, kind="by-rank"):
    """The better the rank, the more probably relevant; after verdicts, so much less so."""

    def open(self, context: EstimateContext) -> ByRank:
        """Nothing to build."""
        return self

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Nothing is needed."""
        return pl.DataFrame({"ready": [True] * len(rows)})

    def fit(self, parts: Iterable[pl.DataFrame], rows: int) -> ByRank:
        """Nothing is learned."""
        return self

    def estimate(self, rows: pl.DataFrame) -> pl.DataFrame:
        """1 / rank."""
        return divided(1, rows)

    def revised(self, notes: Mapping[str, Any], judged: pl.DataFrame) -> Revised:
        """Divided by the number of verdicts."""
        return Revised(partial(divided, len(judged)), {})


def divided(by: int, rows: pl.DataFrame) -> pl.DataFrame:
    """p_relevant, divided by a number; null where there is no rank."""
    return rows.select(p_relevant=(1 / pl.col("bm25_rank") / by).cast(pl.Float32))


class OddPicker(Picker, kind="odd-picker"):
    """The first candidates, but for one query, as long as a file is there."""

    query: Annotated[str, Meta(description="the id of the query")]
    while_there: Annotated[str, Meta(description="the file")]

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """By id."""
        if self.query in rows["query_id"] and Path(self.while_there).exists():
            raise ValueError("this query is too much")
        first = pl.int_range(pl.len()).over("query_id") < self.per_query
        return rows.sort("query_id", "doc_id").filter(first)


class Parity(Judge, kind="parity"):
    """A costly judge that likes even pairs."""

    def open(self, context: JudgeContext) -> ParityRuling:
        """Nothing to build."""
        return ParityRuling()


@dataclass
class ParityRuling:
    """The judge opened."""

    column: str = "parity"
    fingerprint: str = "parity"
    calls: int = 0

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Nothing, in a recipe."""
        return rows.select()

    def score(self, query: Rows, doc: Rows) -> Floats:
        """1 of even pairs, a half of all others, and a little for their numbers."""
        self.calls += len(query)
        even = np.where((query + doc) % 2 == 0, 1.0, 0.5)
        return (even + doc / 1000).astype(np.float32)

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """Documents with high numbers are rejected."""
        high = pl.col("parity") > 1.003
        verdict = pl.when(high).then(pl.lit(REJECTED)).alias("verdict")
        return verdict, pl.when(high).then(pl.lit("parity: too high")).alias("reason")

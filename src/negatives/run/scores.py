"""Whether the sources of a run found anything, and whether their scores say anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from negatives.errors import DataError
from negatives.stage import Source

TOLD: Final = 0.05
"""The share of queries for which a source found nothing from which on the user is told."""
FEWEST: Final = 20
"""Of fewer scores nothing is concluded."""
ALIKE: Final = 1e-3
"""Scores whose range is a smaller part of the largest are one score: vectors are kept in 16 bits,
and those of one and the same direction differ by about that."""


@dataclass
class _Seen:
    """What one source gave, added up over the parts of a run.

    `scores`: of queries that have several; `low`, `high`: of these.
    """

    queries: int = 0
    found: int = 0
    proposed: int = 0
    scores: int = 0
    scored_queries: int = 0
    low: float = np.inf
    high: float = -np.inf

    def add(self, rank: pl.Expr, score: pl.Expr, part: pl.LazyFrame) -> None:
        """Count a part: rank (null: not proposed) and score of every pair."""
        by_query = part.group_by("query").agg(
            found=rank.is_not_null().any(),
            proposed=rank.is_not_null().sum(),
            scores=score.count(),
            low=score.min(),
            high=score.max(),
        )
        several = pl.col("scores") > 1
        row = by_query.select(
            pl.len().alias("queries"),
            pl.col("found").sum(),
            pl.col("proposed").sum(),
            pl.col("scores").filter(several).sum(),
            several.sum().alias("scored_queries"),
            pl.col("low").filter(several).min(),
            pl.col("high").filter(several).max(),
        ).collect(engine="streaming").row(0, named=True)  # fmt: skip
        for name in ("queries", "found", "proposed", "scores", "scored_queries"):
            setattr(self, name, getattr(self, name) + row[name])
        if row["low"] is not None:
            self.low, self.high = min(self.low, row["low"]), max(self.high, row["high"])

    @property
    def constant(self) -> bool:
        """Whether it proposed pairs, and scores all pairs of several queries the same."""
        enough = self.proposed and self.scores >= FEWEST and self.scored_queries > 1
        return bool(enough) and self.high - self.low <= ALIKE * max(abs(self.low), abs(self.high))


def check_scores(parts: Sequence[Path], sources: Sequence[Source], collection: str) -> list[str]:
    """What to tell of the sources, from the parts that were found.

    Raises `DataError` where the scores of a source do not vary over the whole run: they order
    nothing, and what it proposed is arbitrary.
    """
    told = []
    for source in sources:
        label, seen = source.label, _Seen()
        rank, score = pl.col(f"{label}_rank"), pl.col(f"{label}_score")
        # What scores no pair has ranks alone, and may have found nothing all the same.
        scores = score.fill_nan(None) if source.scores_pairs else pl.lit(None, pl.Float32)
        for path in parts:
            columns = pl.scan_parquet(path, glob=False)
            seen.add(
                rank, score, columns.select("query", rank, scores.alias(score.meta.output_name()))
            )
        if seen.constant:
            raise DataError(
                f"the scores of {label} do not vary: all of {seen.scores:,} pairs have "
                f"{seen.high:.4g}",
                where=f"{label}, collection {collection!r}",
                fix=_instead(source),
            )
        nothing = seen.queries - seen.found
        if nothing and nothing >= TOLD * seen.queries:
            told.append(
                f"{label} found nothing for {nothing:,} of {seen.queries:,} queries "
                f"({nothing / seen.queries:.0%})"
            )
    return told


def _instead(source: Source) -> str:
    """What to do where a source tells nothing apart: what else reads what it reads."""
    texts = "text" in source.needs.docs
    apart = f"it cannot tell these {'texts' if texts else 'documents'} apart"
    if hasattr(source, "encoder"):
        other = "bm25" if texts else "popularity"
        also = f"or a recipe without it (--recipe {other})"
        return f"{apart}: name another encoder with --encoder, {also}"
    other = "a recipe with an encoder" if texts else "one that scores nothing, --recipe popularity"
    return f"{apart}: take a recipe without {source.label}, such as {other}"

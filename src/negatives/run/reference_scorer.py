"""What hardness is measured by: the scores of one source or judge, and how far they spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from negatives.schema import POSITIVE


@dataclass(frozen=True, slots=True)
class ReferenceScorer:
    """The reference scorer, and the spread of its scores over the run."""

    label: str
    deviation: float

    @staticmethod
    def of(label: str, judged: Sequence[Path]) -> ReferenceScorer:
        """The source or judge of this name, over files of judged rows; empty: there is none."""
        return ReferenceScorer(label, _deviation(judged, label) if label else 0.0)

    def hardness(self) -> pl.Expr:
        """Score minus the query's lowest-scored positive's, in standard deviations; or null."""
        if not self.label or not self.deviation:
            return pl.lit(None, pl.Float32).alias("hardness")
        score = pl.col(f"{self.label}_score").cast(pl.Float64)
        lowest = score.filter(pl.col("verdict") == POSITIVE).min().over("query")
        return ((score - lowest) / self.deviation).cast(pl.Float32).alias("hardness")


def _deviation(judged: Sequence[Path], label: str) -> float:
    """Standard deviation of a column of scores, part by part (Chan et al., 1983)."""
    count, mean, squares = 0, 0.0, 0.0
    for path in judged:
        scores = (
            pl.read_parquet(path, columns=[f"{label}_score"], glob=False).to_series().drop_nulls()
        )
        values = scores.to_numpy().astype(np.float64)
        if len(values) == 0:
            continue
        total = count + len(values)
        shift = float(values.mean()) - mean
        squares += (
            float(((values - values.mean()) ** 2).sum()) + shift**2 * count * len(values) / total
        )
        mean += shift * len(values) / total
        count = total
    return (squares / count) ** 0.5 if count else 0.0

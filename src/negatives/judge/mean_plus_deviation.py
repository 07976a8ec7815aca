"""Mean plus deviation: each query's own cut, from the scores of what its sources found first."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from msgspec import Meta
from polars import selectors

from negatives.judge.positive_aware import PositiveAware


class MeanPlusDeviation(PositiveAware, kind="mean-plus-deviation"):
    """Rejects scores at or above the mean plus the standard deviation of a query's candidates.

    ATSS (Zhang et al., CVPR 2020, section 3): the candidates of an object are the `nearest` of each
    level, here of each source, and those that stand out among them may be positives. No score of a
    positive is needed, and labels have no part in the cut: one that is labelled counts like any
    other. A query whose candidates are spread evenly loses none or few, one for which a few stand
    out loses these. Where all scores are equal, all are rejected, as in the paper; a single
    candidate has no deviation, and is kept.

    >>> from negatives import MeanPlusDeviation, tiny
    >>> tiny.judged(MeanPlusDeviation(deviations=0.5))["wings"]
    {'again': 'mean-plus-deviation: dense 0.5931 >= 0.546'}
    """

    nearest: Annotated[
        int, Meta(ge=2, description="candidates of each source, from the first, that are counted")
    ] = 9
    deviations: Annotated[
        float, Meta(ge=0, description="how many deviations above the mean; lower rejects more")
    ] = 1.0
    divisor: Annotated[
        Literal["n-1", "n"], Meta(description="what the sum of squares is divided by")
    ] = "n-1"

    def cut(self) -> pl.Expr:
        """Mean + deviations x standard deviation, over the counted candidates of the query."""
        first = pl.min_horizontal(selectors.ends_with("_rank")) <= self.nearest
        counted = pl.col("score").cast(pl.Float64).filter(first).drop_nulls()
        spread = counted.std(ddof=int(self.divisor == "n-1"))
        cut = pl.when(counted.len() > 1).then(counted.mean() + self.deviations * spread)
        return cut.over("query")

    @property
    def fix(self) -> str:
        """Raise the number of deviations."""
        return f"raise mean-plus-deviation deviations above {self.deviations:g}"

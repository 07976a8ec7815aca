"""Rank windows. Two things are called skipping, and they differ: here each has its own name.

`skip-top` leaves out the first raw ranks of a source, positives and rejected pairs counted.
`skip-survivors` leaves out the first of those that every rule before it has let through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.judge.positive_aware import score_column
from negatives.opening import JudgeContext
from negatives.schema import REJECTED
from negatives.stage import Judge, Share


class SkipTop(Judge, kind="skip-top", kw_only=False):
    """Rejects the first raw ranks of a source (Moreira et al., 2024: TopK shifted by N).

    >>> from negatives import SkipTop, tiny
    >>> tiny.judged(SkipTop(ranks=3))["wings"]
    {'again': 'skip-top: dense rank 3 <= 3'}
    """

    ranks: Annotated[int, Meta(ge=0, description="how many raw ranks are left out")] = 10
    of: Annotated[str, Meta(description="the source; empty: the reference scorer")] = ""

    def open(self, context: JudgeContext) -> SkipTopRuling:
        """Find the source."""
        return SkipTopRuling(_source(self, self.of, context), self.ranks)

    @property
    def fix(self) -> str:
        """Raise the top of the source."""
        return f"lower skip-top ranks below {self.ranks}"


class SkipSurvivors(Judge, kind="skip-survivors", kw_only=False):
    """Rejects the highest-scored of what the rules before it let through.

    With `count` alone this is what `range_min` of sentence-transformers does when a margin is set.
    With `per_positive` a query that has many known positives skips more: where labelling stopped
    half-way, it has about as many unknown ones, and they rank high.

    >>> from negatives import SkipSurvivors, tiny
    >>> tiny.judged(SkipSurvivors(count=1))["wings"]
    {'again': 'skip-survivors: dense survivor 1 <= 1'}
    """

    count: Annotated[int, Meta(ge=0, description="how many survivors are left out")] = 10
    per_positive: Annotated[
        float, Meta(ge=0, description="and so many more for each known positive of the query")
    ] = 0.0
    cap: Annotated[
        Share, Meta(description="never more than this share of the query's survivors")
    ] = 1.0
    of: Annotated[str, Meta(description="whose score orders them; empty: the reference scorer")] = (
        ""
    )

    def open(self, context: JudgeContext) -> SkipSurvivorsRuling:
        """Find the source."""
        return SkipSurvivorsRuling(self, _source(self, self.of, context))

    @property
    def fix(self) -> str:
        """Skip fewer."""
        set_ = {"count": self.count, "per_positive": self.per_positive}
        lower = [f"{name} below {value:g}" for name, value in set_.items() if value]
        return f"lower skip-survivors {' or '.join(lower)}"


def _source(stage: Judge, of: str, context: JudgeContext) -> str:
    name = of or context.reference
    if not name:
        raise RecipeError(f"{stage.kind}: no source ranks the candidates", fix="set `of`")
    return name


@dataclass(frozen=True, slots=True)
class SkipTopRuling:
    """Raw ranks of one source."""

    source: str
    ranks: int

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """A verdict for ranks 1 to `ranks`."""
        rank = score_column(rows, f"{self.source}_rank")
        skipped = rank <= self.ranks
        return rows.select(
            verdict=pl.when(skipped).then(pl.lit(REJECTED)),
            reason=pl.when(skipped).then(
                pl.format(f"skip-top: {self.source} rank {{}} <= {self.ranks}", rank)
            ),
        )


@dataclass(frozen=True, slots=True)
class SkipSurvivorsRuling:
    """Survivors in the order of one source's scores."""

    stage: SkipSurvivors
    source: str

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """A verdict for the first pairs without one, as many as the query skips."""
        score = score_column(rows, f"{self.source}_score")
        order = (
            rows.select("query", "doc", score.alias("score"), alive=pl.col("verdict").is_null())
            .with_row_index("place")
            .filter("alive")
            .sort("query", "score", "doc", descending=[False, True, False], nulls_last=True)
            .with_columns(survivor=pl.int_range(1, pl.len() + 1).over("query"))
        )
        positives = (pl.col("relevance") > 0).sum().over("query")
        wanted = self.stage.count + positives * self.stage.per_positive
        survivors = pl.col("verdict").is_null().sum().over("query")
        most = pl.min_horizontal(wanted, survivors * self.stage.cap).floor().cast(pl.Int64)
        found = (
            rows.select("query", most=most)
            .with_row_index("place")
            .join(order.select("place", "survivor"), on="place", how="left", maintain_order="left")
        )
        skipped = pl.col("survivor") <= pl.col("most")
        reason = f"skip-survivors: {self.source} survivor {{}} <= {{}}"
        return found.select(
            verdict=pl.when(skipped).then(pl.lit(REJECTED)),
            reason=pl.when(skipped).then(pl.format(reason, "survivor", "most")),
        )

"""Positive-aware rules: a negative must score clearly below the query's lowest positive.

Moreira et al. (2024, NV-Retriever). Several positives count by their minimum. Judged
negatives are never touched: a score does not overrule a judgement.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError, nearest
from negatives.opening import JudgeContext, Ruling
from negatives.schema import REJECTED
from negatives.stage import Judge

LOWEST = pl.col("score").filter(pl.col("relevance") > 0).min().over("query")
"""The lowest score of the query's positives; null where no positive has one."""


class PositiveAware(Judge, kw_only=True):
    """Base of the rules that compare a score with a cut: at or above it, a pair is rejected."""

    scorer: Annotated[
        str, Meta(description="source whose scores are compared; empty: the reference scorer")
    ] = ""

    @abstractmethod
    def cut(self) -> pl.Expr:
        """The score at which a pair of the query is rejected; null: no objection."""

    def open(self, context: JudgeContext) -> Ruling:
        """Find the scorer."""
        scorer = self.scorer or context.reference
        if not scorer:
            raise RecipeError(
                f"{self.kind} needs scores, and no source of the recipe gives them",
                fix='add a [[find]] stage of kind "dense" or "bm25"',
            )
        return CutRuling(self.kind, f"{scorer}_score", self.cut())

    @property
    def fix(self) -> str:
        """Which setting loosens the rule."""
        return f"loosen {self.kind}"


class PercentOfPositive(PositiveAware, kind="percent-of-positive", kw_only=False):
    """Rejects scores at or above a percentage of the lowest positive's (TopK-PercPos).

    The cut is s+ - |s+ - centre| (1 - percent): for positive scores that is percent x s+, and for
    negative ones it still lies below s+, where the bare product would lie above it.

    >>> from negatives import PercentOfPositive, tiny
    >>> tiny.judged(PercentOfPositive(0.85))["wings"]
    {'again': 'percent-of-positive: dense 0.5931 >= 0.5086'}
    """

    percent: Annotated[
        float, Meta(gt=0, le=1, description="share of the positive's score; lower rejects more")
    ] = 0.95
    centre: Annotated[
        float, Meta(description="score of a random pair; the share is taken above it")
    ] = 0.0

    def cut(self) -> pl.Expr:
        """S+ - |s+ - centre| (1 - percent)."""
        return LOWEST - (LOWEST - self.centre).abs() * (1 - self.percent)

    @property
    def fix(self) -> str:
        """Raise the percentage."""
        return (
            f"raise percent-of-positive percent above {self.percent:g} "
            "(1 keeps all below the positive)"
        )


class Margin(PositiveAware, kind="margin", kw_only=False):
    """Rejects scores less than a margin below the lowest positive's (TopK-MarginPos).

    >>> from negatives import Margin, tiny
    >>> tiny.judged(Margin(0.15))["wings"]
    {'again': 'margin: dense 0.5931 >= 0.4483', 'plane': 'margin: dense 0.4561 >= 0.4483'}
    """

    margin: Annotated[
        float, Meta(ge=0, description="in units of the score; higher rejects more")
    ] = 0.05

    def cut(self) -> pl.Expr:
        """S+ - margin."""
        return LOWEST - self.margin

    @property
    def fix(self) -> str:
        """Lower the margin."""
        return f"lower margin below {self.margin:g}"


class AbsoluteScore(PositiveAware, kind="absolute-score", kw_only=False):
    """Rejects scores at or above a fixed one (TopK-Abs).

    >>> from negatives import AbsoluteScore, tiny
    >>> tiny.judged(AbsoluteScore(0.5))["wings"]
    {'again': 'absolute-score: dense 0.5931 >= 0.5'}
    """

    maximum: Annotated[float, Meta(description="in units of the score; lower rejects more")] = 0.7

    def cut(self) -> pl.Expr:
        """The maximum itself."""
        return pl.lit(self.maximum)

    @property
    def fix(self) -> str:
        """Raise the maximum."""
        return f"raise absolute-score maximum above {self.maximum:g}"


@dataclass(frozen=True, slots=True)
class CutRuling:
    """A cut on one column of scores."""

    kind: str
    column: str
    cut: pl.Expr

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The cut of each pair's query as evidence, and a verdict where the score reaches it."""
        scored = rows.select("query", "relevance", score=score_column(rows, self.column))
        cut = f"{self.kind.replace('-', '_')}_cut"
        above = pl.col("score") >= pl.col(cut)
        return scored.with_columns(self.cut.cast(pl.Float32).alias(cut)).select(
            cut,
            verdict=pl.when(above).then(pl.lit(REJECTED)),
            reason=pl.when(above).then(
                pl.format(
                    f"{self.kind}: {self.column.removesuffix('_score')} {{}} >= {{}}",
                    pl.col("score").round(4),
                    pl.col(cut).round(4),
                )
            ),
        )


def score_column(rows: pl.DataFrame, column: str) -> pl.Expr:
    """The named score column, or a `RecipeError` that names the scorers there are."""
    if column not in rows.columns:
        scorers = [n.removesuffix("_score") for n in rows.columns if n.endswith("_score")]
        name = column.removesuffix("_score").removesuffix("_rank")
        raise RecipeError(f"no source of the run is called {name!r}", fix=nearest(name, scorers))
    return pl.col(column)

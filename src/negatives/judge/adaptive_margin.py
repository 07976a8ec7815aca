"""Adaptive margin: the cut follows each query's own positive, by a margin and by a share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.events import Warned
from negatives.judge.positive_aware import Margin, PercentOfPositive, PositiveAware
from negatives.opening import JudgeContext, Ruling


class AdaptiveMargin(PositiveAware, kind="adaptive-margin"):
    """Rejects what comes within a margin of the query's positive, or above a share of its score.

    Choi et al. (2025), LG-ANNA-Embedding, in whose abstract the threshold is only "based on
    similarity to the positive": a reconstruction by the two rules of NV-Retriever, `margin` and
    `percent-of-positive`, of which the lower cut holds. Several positives count by their minimum.
    A query whose positive scores so low that nothing is left below the cut is never given a lower
    threshold: `adaptive_margin_left` counts what is left, and the run is warned.

    >>> from negatives import AdaptiveMargin, tiny
    >>> tiny.judged(AdaptiveMargin(margin=0.05, percent=0.95))["wings"]
    {'again': 'adaptive-margin: dense 0.5931 >= 0.5483'}
    >>> tiny.judged(AdaptiveMargin(margin=0.05, percent=0.85))["wings"]
    {'again': 'adaptive-margin: dense 0.5931 >= 0.5086'}
    """

    margin: Annotated[
        float, Meta(ge=0, description="in units of the score; higher rejects more")
    ] = 0.05
    percent: Annotated[
        float, Meta(gt=0, le=1, description="share of the positive's score; lower rejects more")
    ] = 0.95

    def cut(self) -> pl.Expr:
        """The lower of the two rules' cuts."""
        return pl.min_horizontal(Margin(self.margin).cut(), PercentOfPositive(self.percent).cut())

    def open(self, context: JudgeContext) -> AdaptiveMarginRuling:
        """Find the scorer."""
        return AdaptiveMarginRuling(super().open(context), context)

    @property
    def fix(self) -> str:
        """Lower the margin and raise the percentage."""
        return (
            f"lower adaptive-margin margin below {self.margin:g} and raise its percent above "
            f"{self.percent:g}"
        )


@dataclass(frozen=True, slots=True)
class AdaptiveMarginRuling:
    """A cut, and a count of what it leaves."""

    cut: Ruling
    context: JudgeContext

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The cut, `adaptive_margin_left` (unjudged candidates below it) and a verdict above it."""
        opinion = self.cut.judge(rows)
        below = rows["relevance"].is_null() & opinion["verdict"].is_null()
        left = (
            rows.select("query", "relevance")
            .with_columns(below=below, had=pl.col("relevance").is_null())
            .select("query", pl.col("below", "had").sum().over("query").cast(pl.Int32))
        )
        if left.select(((pl.col("had") > 0) & (pl.col("below") == 0)).any()).item():
            self.context.emit(
                Warned(
                    "adaptive-margin: queries whose positive scores low have no candidate below "
                    "their cut (adaptive_margin_left = 0 in the ledger); a random source would "
                    "give them some"
                )
            )
        return opinion.select(
            "adaptive_margin_cut", left["below"].alias("adaptive_margin_left"), "verdict", "reason"
        )

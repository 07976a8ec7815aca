"""Positive-aware rules: a negative must score clearly below the query's lowest positive.

Moreira et al. (2024, NV-Retriever). Several positives count by their minimum. Judged
negatives are never touched: a score does not overrule a judgement.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

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
        str,
        Meta(
            description="source or judge before this one whose scores are compared, such as "
            "reranker_probability; empty: the reference scorer"
        ),
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
        return CutRuling(self.kind, f"{scorer}_score", self.cut(), self.floor())

    def floor(self) -> pl.Expr | None:
        """The score below which a pair is rejected; None: none is too low."""
        return None

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


class OutOfReach(PositiveAware, kind="out-of-reach", kw_only=False):
    """Rejects what scores above a positive that the scorer does not find.

    Where many candidates score at least as high as the best positive of a query, the scorer does
    not see why that one is relevant: a passage may not say what it is about. To push down all that
    scores higher teaches it the opposite of what the query asks for. Queries whose positive is
    within reach keep what is harder, and no query loses its lowest `keep` (benchmark `passages`).

    >>> from negatives import OutOfReach, tiny
    >>> tiny.judged(OutOfReach(above=0, keep=0))  # every positive of these is found first
    {}
    """

    above: Annotated[
        int,
        Meta(
            ge=0,
            description="candidates that may score as high as the query's best positive; where "
            "more do, they are rejected",
        ),
    ] = 40
    keep: Annotated[
        int,
        Meta(ge=0, description="candidates that each query keeps, the lowest of its scores"),
    ] = 20

    def cut(self) -> pl.Expr:
        """The score of the best positive, where more than `above` candidates reach it.

        Or that of the candidate after the lowest `keep`, if it is higher.
        """
        score, others = pl.col("score"), pl.col("relevance").is_null()
        best = score.filter(pl.col("relevance") > 0).max().over("query")
        after = score.filter(others).drop_nulls().sort().slice(self.keep, 1).first().over("query")
        out_of_reach = (others & (score >= best)).sum().over("query") > self.above
        return pl.when(out_of_reach & after.is_not_null()).then(pl.max_horizontal(best, after))

    @property
    def fix(self) -> str:
        """Let each query keep more, or look further down."""
        return f"raise keep of out-of-reach above {self.keep}, or raise `top` of the sources"


class AbsoluteScore(PositiveAware, kind="absolute-score", kw_only=False):
    """Rejects scores at or above a fixed one (TopK-Abs), and scores below another.

    What scores too low is an easy negative; `min_score` and `max_score` of other miners are these
    two bounds.

    >>> from negatives import AbsoluteScore, tiny
    >>> tiny.judged(AbsoluteScore(0.5))["wings"]
    {'again': 'absolute-score: dense 0.5931 >= 0.5'}
    >>> tiny.judged(AbsoluteScore("none", minimum=0.4))["wings"]
    {'museum': 'absolute-score: dense 0.392 < 0.4'}
    """

    maximum: Annotated[
        float | Literal["none"],
        Meta(description="in units of the score; lower rejects more; none: no score is too high"),
    ] = 0.7
    minimum: Annotated[
        float | Literal["none"],
        Meta(description="in units of the score; higher rejects more; none: no score is too low"),
    ] = "none"

    def check(self) -> None:
        """Some score is between the two bounds, and one of them is there."""
        low, high = self.minimum, self.maximum
        if low == high == "none":
            raise RecipeError(
                "absolute-score: neither a maximum nor a minimum", fix="set one, or leave it out"
            )
        if "none" not in (low, high) and low >= high:  # type: ignore[operator]
            raise RecipeError(
                f"absolute-score: no score is at least {low:g} and below {high:g}",
                fix='lower minimum, raise maximum, or set one of them to "none"',
            )

    def cut(self) -> pl.Expr:
        """The maximum itself."""
        return pl.lit(None if self.maximum == "none" else self.maximum, pl.Float64)

    def floor(self) -> pl.Expr | None:
        """The minimum itself."""
        return None if self.minimum == "none" else pl.lit(self.minimum, pl.Float64)

    @property
    def fix(self) -> str:
        """Raise the maximum, or lower the minimum."""
        bounds = [
            f"raise absolute-score maximum above {self.maximum:g}"
            if self.maximum != "none"
            else "",
            f"lower absolute-score minimum below {self.minimum:g}"
            if self.minimum != "none"
            else "",
        ]
        return ", or ".join(filter(None, bounds))


@dataclass(frozen=True, slots=True)
class CutRuling:
    """A cut on one column of scores."""

    kind: str
    column: str
    cut: pl.Expr
    floor: pl.Expr | None = None

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The cut of each pair's query as evidence, and a verdict where the score reaches it."""
        scored = rows.with_columns(score=score_column(rows, self.column))
        cut = f"{self.kind.replace('-', '_')}_cut"
        floor = pl.lit(None, pl.Float64) if self.floor is None else self.floor
        above, below = pl.col("score") >= pl.col(cut), pl.col("score") < floor
        return scored.with_columns(self.cut.cast(pl.Float32).alias(cut)).select(
            cut,
            verdict=pl.when(above | below).then(pl.lit(REJECTED)),
            reason=pl.when(above)
            .then(self._said(">=", pl.col(cut)))
            .when(below)
            .then(self._said("<", floor)),
        )

    def _said(self, sign: str, bound: pl.Expr) -> pl.Expr:
        scorer = self.column.removesuffix("_score")
        shown = pl.col("score").round(4), bound.round(4)
        return pl.format(f"{self.kind}: {scorer} {{}} {sign} {{}}", *shown)


def score_column(rows: pl.DataFrame, column: str) -> pl.Expr:
    """The named score column, or a `RecipeError` that names the scorers there are.

    Evidence that is a number of its own, such as reranker_probability, goes by its name alone.
    """
    if column not in rows.columns:
        scorers = [n.removesuffix("_score") for n in rows.columns if n.endswith("_score")]
        name = column.removesuffix("_score").removesuffix("_rank")
        if column == f"{name}_score" and rows.schema.get(name, pl.Null()).is_float():
            return pl.col(name)
        raise RecipeError(f"no source of the run is called {name!r}", fix=nearest(name, scorers))
    return pl.col(column)

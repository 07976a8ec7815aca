"""Score agreement: how high a pair stands with every source, whatever the scale of its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import polars as pl
from msgspec import Meta

from negatives.judge.positive_aware import score_column
from negatives.opening import JudgeContext
from negatives.schema import REJECTED
from negatives.stage import Judge, Share


class ScoreAgreement(Judge, kind="score-agreement", kw_only=False):
    """How high a pair stands among its query's candidates by the scores of several sources.

    Each source's score becomes its percentile within the query, which any increasing change of
    scale leaves alone, and the lowest (or the mean) over the sources is the evidence: what unlike
    sources all score high is a suspect. Where `agreement` counts ranks up to a fixed one, this is
    graded, and hears a source on pairs it scored without proposing them. A source has no opinion
    where it gave no score or the same to all; a pair that fewer than two have an opinion on has
    none.

    >>> from negatives import ScoreAgreement, tiny
    >>> tiny.judged(ScoreAgreement(reject=0.6))["wings"]
    {'again': 'score-agreement: min percentile of bm25, dense 0.6429 >= 0.6'}
    """

    evidence: ClassVar[Mapping[str, int]] = {"score_agreement": 1}

    reject: Annotated[
        Share, Meta(description="agreement from which a pair is rejected; 0: evidence only")
    ] = 0.0
    combine: Annotated[
        Literal["min", "mean"], Meta(description="how the sources' percentiles become one")
    ] = "min"
    of: Annotated[
        list[str], Meta(description="names of the sources; empty: all that give scores")
    ] = []

    def open(self, context: JudgeContext) -> ScoreAgreementRuling:
        """Nothing to build."""
        return ScoreAgreementRuling(self, context.saw_labels)

    @property
    def fix(self) -> str:
        """Raise the threshold."""
        return f"raise score-agreement reject above {self.reject:g}"


@dataclass(frozen=True, slots=True)
class ScoreAgreementRuling:
    """Scores of several sources."""

    stage: ScoreAgreement
    saw_labels: frozenset[str] = frozenset()

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`score_agreement`, in (0, 1), null where fewer than two sources have an opinion."""
        names = self.stage.of or [
            name.removesuffix("_score")
            for name in rows.columns
            if name.endswith("_score")
            and f"{name.removesuffix('_score')}_rank" in rows.columns
            and name.removesuffix("_score") not in self.saw_labels
        ]
        scores = [score_column(rows, f"{name}_score").alias(name) for name in names]
        ranked = rows.select("query", "relevance", *scores).with_columns(
            percentile(name) for name in names
        )
        agreed = pl.lit(None, pl.Float32)
        if len(names) > 1:
            together = pl.min_horizontal if self.stage.combine == "min" else pl.mean_horizontal
            opinions = pl.sum_horizontal(pl.col(name).is_not_null() for name in names)
            agreed = pl.when(opinions > 1).then(together(names)).cast(pl.Float32)
        reject = self.stage.reject
        suspect = (
            pl.col("relevance").is_null() & (pl.col("score_agreement") >= reject) & (reject != 0)
        )
        return ranked.with_columns(score_agreement=agreed).select(
            "score_agreement",
            verdict=pl.when(suspect).then(pl.lit(REJECTED)),
            reason=pl.when(suspect).then(
                pl.format(
                    f"score-agreement: {self.stage.combine} percentile of {', '.join(names)} {{}} "
                    f">= {reject:g}",
                    pl.col("score_agreement").round(4),
                )
            ),
        )


def percentile(name: str) -> pl.Expr:
    """Percentile of each value within its query: (mean rank - 1/2) / n; null where all are one."""
    value = pl.col(name).cast(pl.Float64)
    value = pl.when(value.is_finite()).then(value)
    place = (value.rank("average") - 0.5) / value.count()
    varies = value.min() < value.max()
    return pl.when(varies.over("query")).then(place.over("query")).alias(name)

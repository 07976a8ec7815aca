"""Agreement: what unlike sources all rank high is a suspect, and is set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.judge.positive_aware import score_column
from negatives.opening import JudgeContext
from negatives.schema import REJECTED
from negatives.stage import Judge, PositiveInt


class Agreement(Judge, kind="agreement", kw_only=False):
    """Rejects pairs that every source ranks high, such as both BM25 and a dense encoder.

    What one source ranks high and another does not is a trap for one of them, lexical or semantic;
    what all rank high is the likeliest to be relevant and unlabelled. Sources that are alike agree
    on everything, so this needs unlike ones. With a single source it never objects.

    >>> from negatives import Agreement, tiny
    >>> tiny.judged(Agreement(ranks=3))["wings"]
    {'again': 'agreement: bm25, dense all rank it within 3'}
    """

    ranks: Annotated[PositiveInt, Meta(description="a rank up to this one is high")] = 30
    of: Annotated[
        list[str], Meta(description="names of the sources; empty: all that rank by a score")
    ] = []

    def open(self, context: JudgeContext) -> AgreementRuling:
        """Nothing to build."""
        return AgreementRuling(self.ranks, tuple(self.of))

    @property
    def fix(self) -> str:
        """Lower the rank."""
        return f"lower agreement ranks below {self.ranks}"


@dataclass(frozen=True, slots=True)
class AgreementRuling:
    """Ranks of several sources."""

    ranks: int
    of: tuple[str, ...]

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`agreement`: how many of the sources rank the pair high; a verdict where all do."""
        names = self.of or tuple(
            name.removesuffix("_rank")
            for name in rows.columns
            if name.endswith("_rank")
            and rows[f"{name.removesuffix('_rank')}_score"].is_not_null().any()
        )
        high = [
            (score_column(rows, f"{name}_rank") <= self.ranks).fill_null(False) for name in names
        ]
        count = pl.sum_horizontal(high).cast(pl.Int32) if high else pl.lit(0, pl.Int32)
        agreed = (pl.col("agreement") == len(names)) & (len(names) > 1)
        reason = f"agreement: {', '.join(names)} all rank it within {self.ranks}"
        return rows.select("query", *[f"{name}_rank" for name in names], agreement=count).select(
            "agreement",
            verdict=pl.when(agreed).then(pl.lit(REJECTED)),
            reason=pl.when(agreed).then(pl.lit(reason)),
        )

"""Intrinsic neighbours: what is nearest to a positive that the scorer got wrong is a suspect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.judge.likeness import likening, paired
from negatives.judge.positive_aware import score_column
from negatives.opening import JudgeContext
from negatives.schema import REJECTED
from negatives.stage import Judge, PositiveInt, Share

HELD = {"place": pl.UInt32, "seed_neighbours": pl.Int32, "likeness": pl.Float32}


class SeedNeighbours(Judge, kind="seed-neighbours"):
    """Rejects the candidates nearest to positives that are ranked below many unjudged ones.

    Parekh et al. (2023), Noise in TACRED, intrinsic strategy, as a reconstruction: positives are
    taken to be clean; one that the scorer takes for a negative is a seed, and the unjudged
    documents most like it are likely to be relevant and mistaken in the same way. Elimination of
    real hard negatives is the price, so at most a share of a query's candidates goes, those near
    most seeds first.

    >>> from negatives import SeedNeighbours, tiny
    >>> tiny.judged(SeedNeighbours(below=1, nearest=2, cap=0.5))["wings"]
    {'again': 'seed-neighbours: among the 2 nearest to 1 misranked positives, alike 0.9892'}
    """

    nearest: Annotated[PositiveInt, Meta(description="candidates suspected for each seed")] = 3
    below: Annotated[
        PositiveInt,
        Meta(description="a positive that so many unjudged candidates outscore is a seed"),
    ] = 10
    cap: Annotated[
        Share, Meta(description="never more than this share of the query's unjudged candidates")
    ] = 0.15
    scorer: Annotated[
        str, Meta(description="source whose scores are looked at; empty: the reference scorer")
    ] = ""
    of: Annotated[
        str, Meta(description="source whose document vectors are compared; empty: the reference")
    ] = ""

    def open(self, context: JudgeContext) -> SeedNeighboursRuling:
        """Find the scorer."""
        scorer = self.scorer or context.reference
        if not scorer:
            raise RecipeError(f"{self.kind}: no source scores the candidates", fix="set `scorer`")
        return SeedNeighboursRuling(self, context, f"{scorer}_score")

    @property
    def fix(self) -> str:
        """Suspect fewer."""
        return f"lower seed-neighbours cap below {self.cap:g} or nearest below {self.nearest}"


@dataclass(frozen=True, slots=True)
class SeedNeighboursRuling:
    """One column of scores, and who compares documents."""

    stage: SeedNeighbours
    context: JudgeContext
    column: str

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`seed_neighbours`: how many seeds an unjudged pair is nearest to; a verdict."""
        numbered = rows.select(
            "query",
            "doc",
            "relevance",
            score=score_column(rows, self.column).cast(pl.Float64).fill_nan(None),
        ).with_row_index("place")
        unjudged = numbered.filter(pl.col("relevance").is_null())
        candidates = unjudged.select("query", "doc", "place")
        near = [
            self._near(pairs)
            for pairs in paired(_seeds(numbered, self.stage.below), candidates, "query")
            if not pairs.is_empty()
        ]
        held = (
            pl.concat([pl.DataFrame(schema={"place": pl.UInt32, "likeness": pl.Float32}), *near])
            .group_by("place")
            .agg(seed_neighbours=pl.len().cast(pl.Int32), likeness=pl.col("likeness").max())
            .select(pl.col(name).cast(dtype) for name, dtype in HELD.items())
        )
        suspects = (
            unjudged.with_columns(candidates=pl.len().over("query"))
            .join(held, on="place")
            .sort(
                "query", "seed_neighbours", "likeness", "doc",
                descending=[False, True, True, False],
            )
            .filter(
                pl.int_range(pl.len()).over("query")
                < (pl.col("candidates") * self.stage.cap).floor()
            )
            .select("place", suspect=pl.lit(True))
        )  # fmt: skip
        found = numbered.join(held, on="place", how="left", maintain_order="left").join(
            suspects, on="place", how="left", maintain_order="left"
        )
        count = (
            pl.when(pl.col("relevance").is_null())
            .then(pl.col("seed_neighbours").fill_null(0))
            .alias("seed_neighbours")
        )
        return found.select(
            count,
            verdict=pl.when("suspect").then(pl.lit(REJECTED)),
            reason=pl.when("suspect").then(
                pl.format(
                    "seed-neighbours: among the {} nearest to {} misranked positives, alike {}",
                    pl.lit(self.stage.nearest),
                    "seed_neighbours",
                    pl.col("likeness").round(4),
                )
            ),
        )

    def _near(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """The nearest candidates of each seed: place, likeness."""
        source = likening(self.context, self.stage.of, self.stage.kind)
        likeness = source.doc_likeness(pairs["seed"].to_numpy(), pairs["doc"].to_numpy())
        return (
            pairs.with_columns(likeness=pl.Series(likeness, dtype=pl.Float32).fill_nan(None))
            .drop_nulls("likeness")
            .sort("query", "seed", "likeness", "doc", descending=[False, False, True, False])
            .filter(pl.int_range(pl.len()).over("query", "seed") < self.stage.nearest)
            .select("place", "likeness")
        )


def _seeds(numbered: pl.DataFrame, below: int) -> pl.DataFrame:
    """Positives that at least `below` unjudged candidates of their query outscore: query, seed."""
    bars = (
        numbered.filter(pl.col("relevance").is_null())
        .drop_nulls("score")
        .group_by("query")
        .agg(bar=pl.col("score").top_k(below).min(), candidates=pl.len())
        .filter(pl.col("candidates") >= below)
    )
    return (
        numbered.filter(pl.col("relevance") > 0)
        .join(bars, on="query", maintain_order="left")
        .filter(pl.col("score") < pl.col("bar"))
        .select("query", seed="doc")
    )

"""Extrinsic neighbours: the judged documents nearest to a candidate vote on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import polars as pl
from msgspec import Meta

from negatives.judge.likeness import likening, paired
from negatives.opening import JudgeContext
from negatives.schema import REJECTED
from negatives.stage import Judge, PositiveInt

VOTES = {
    "place": pl.UInt32,
    "closest": pl.UInt32,
    "neighbours_likeness": pl.Float32,
    "neighbours_vote": pl.Float32,
    "neighbours_held": pl.Float32,
}


class Neighbours(Judge, kind="neighbours"):
    """Lets the query's judged documents nearest to a candidate vote, and can reject on a majority.

    Parekh et al. (2023), Noise in TACRED, extrinsic strategy; which neighbours of which kind is a
    reconstruction from the abstract. A pair never votes on itself. A pair is rejected where more
    than half of the `nearest` are positives and the closest positive of them is at least `theta`
    alike. Where a query has no judged negatives every vote is for relevance, and only `theta`
    decides.

    `neighbours_held` is the vote for estimators: a labelled positive has one voter fewer than an
    unlabelled pair, so of the latter it is the mean vote with one positive left out. It is null
    where the voters would all be of one opinion.

    >>> from negatives import Neighbours, tiny
    >>> tiny.judged(Neighbours(nearest=1, theta=0.6))["wings"]
    {'again': 'neighbours: 1.0 of the nearest are positives, lift alike 0.9892 >= 0.6'}
    """

    evidence: ClassVar[Mapping[str, int]] = {"neighbours_held": 1}

    nearest: Annotated[PositiveInt, Meta(description="judged documents that vote")] = 3
    theta: Annotated[
        float,
        Meta(description="likeness from which a positive's vote can reject; 0: evidence only"),
    ] = 0.0
    of: Annotated[
        str, Meta(description="source whose document vectors are compared; empty: the reference")
    ] = ""

    def open(self, context: JudgeContext) -> NeighboursRuling:
        """Nothing to build."""
        return NeighboursRuling(self, context)

    @property
    def fix(self) -> str:
        """Raise the threshold."""
        return f"raise neighbours theta above {self.theta:g}"


@dataclass(frozen=True, slots=True)
class NeighboursRuling:
    """The judged documents of each query, as they come."""

    stage: Neighbours
    context: JudgeContext

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`neighbours_vote`, _held and _likeness (of the closest positive voter); a verdict."""
        numbered = rows.select("query", "doc", "relevance").with_row_index("place")
        voters = numbered.drop_nulls("relevance").select(
            "query", voter="doc", positive=pl.col("relevance") > 0
        )
        counted = [pl.DataFrame(schema=VOTES)]
        for pairs in paired(numbered, voters, "query"):
            others = pairs.filter(pl.col("voter") != pl.col("doc"))
            if not others.is_empty():
                counted.append(self._count(others))
        found = numbered.join(pl.concat(counted), on="place", how="left", maintain_order="left")
        theta = self.stage.theta
        suspect = (
            pl.col("relevance").is_null()
            & (pl.col("neighbours_vote") > 0.5)
            & (pl.col("neighbours_likeness") >= theta)
            & (theta != 0)
        )
        names = self.context.collection.corpus["doc_id"]
        return found.with_columns(names.gather(found["closest"]).alias("closest")).select(
            "neighbours_likeness",
            "neighbours_vote",
            "neighbours_held",
            verdict=pl.when(suspect).then(pl.lit(REJECTED)),
            reason=pl.when(suspect).then(
                pl.format(
                    f"neighbours: {{}} of the nearest are positives, {{}} alike {{}} >= {theta:g}",
                    pl.col("neighbours_vote").round(2),
                    "closest",
                    pl.col("neighbours_likeness").round(4),
                )
            ),
        )

    def _count(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """The votes of each place's voters: place, doc, relevance, voter, positive."""
        nearest = self.stage.nearest
        source = likening(self.context, self.stage.of, self.stage.kind)
        likeness = source.doc_likeness(pairs["doc"].to_numpy(), pairs["voter"].to_numpy())
        near = pl.col("order") < nearest
        return (
            pairs.with_columns(likeness=pl.Series(likeness, dtype=pl.Float32).fill_nan(None))
            .drop_nulls("likeness")
            .sort("place", "likeness", "voter", descending=[False, True, False])
            .with_columns(order=pl.int_range(pl.len()).over("place"))
            .group_by("place", maintain_order=True)
            .agg(
                labelled=(pl.col("relevance").first() > 0).fill_null(False),
                voters=pl.len().cast(pl.Int64),
                positives=pl.col("positive").sum().cast(pl.Int64),
                votes=near.sum().cast(pl.Int64),
                ayes=(pl.col("positive") & near).sum().cast(pl.Int64),
                next=(pl.col("positive") & (pl.col("order") == nearest)).sum().cast(pl.Int64),
                closest=pl.col("voter").filter(pl.col("positive") & near).first(),
                neighbours_likeness=pl.col("likeness").filter(pl.col("positive") & near).first(),
            )
            .with_columns(neighbours_vote=pl.col("ayes") / pl.col("votes"))
            .with_columns(neighbours_held=_held(nearest))
            .select(pl.col(name).cast(dtype) for name, dtype in VOTES.items())
        )


def _held(nearest: int) -> pl.Expr:
    """The vote as both kinds of pairs would see it: the unlabelled one with a positive left out.

    The mean over the positive that is left out: one that did not vote changes nothing, the place of
    one that did goes to the next in line, if there is one.
    """
    positives, ayes, votes = pl.col("positives"), pl.col("ayes"), pl.col("votes")
    replaced = pl.col("voters") > nearest
    without = (
        pl.when(replaced)
        .then((ayes - 1 + pl.col("next")) / votes)
        .otherwise((ayes - 1) / (votes - 1))
    )
    kept = (positives - ayes) * pl.col("neighbours_vote")
    lost = pl.when(ayes > 0).then(ayes * without).otherwise(0.0)
    left = positives - pl.when("labelled").then(0).otherwise(1)
    held = pl.when("labelled").then("neighbours_vote").otherwise((kept + lost) / positives)
    return pl.when((left >= 1) & (pl.col("voters") > positives)).then(held)

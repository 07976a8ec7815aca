"""The negatives worth reading: the foremost of a few orderings, at most one of each query.

Kept while the ledger is passed over, with all their evidence and the positive next to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from negatives.chance import pair_uniforms
from negatives.recipe import Recipe
from negatives.schema import DUPLICATE, ELIGIBLE, POSITIVE, REJECTED

SUSPICIOUS: Final = "suspicious"
HARDEST: Final = "hardest"
TYPICAL: Final = "typical"
REFUSED: Final = "rejected"
OF_A_RULE: Final = 3
"""Pairs that each rule has set aside, drawn at random."""
RULES: Final = 12
"""Rules that pairs are kept of."""


@dataclass
class Picks:
    """Orderings of the negatives, and the foremost `count` of each so far.

    suspicious: highest p_relevant where there is one; else proposed by the most sources that have
    an opinion, then hardest; never one that was judged not relevant. hardest: highest hardness.
    typical: drawn at random. rejected: what each rule has set aside, drawn at random too.
    """

    opinions: tuple[str, ...]
    count: int
    seed: int
    found: dict[str, pl.DataFrame] = field(default_factory=dict)
    positives: pl.DataFrame = field(default_factory=pl.DataFrame)
    _wanted: list[str] = field(default_factory=list)

    @staticmethod
    def of(recipe: Recipe, sources: tuple[str, ...], count: int) -> Picks:
        """Nothing kept yet."""
        opinions = {
            source.label
            for source in recipe.find
            if source.ranks_by_relevance and not source.repeats_others
        }
        return Picks(tuple(s for s in sources if s in opinions), count, recipe.seed)

    def add(self, part: pl.DataFrame) -> None:
        """Look at some whole queries."""
        negatives = part.filter(pl.col("position").is_not_null())
        if len(negatives):
            self._choose(negatives)
        refused = part.filter(pl.col("verdict").is_in([DUPLICATE, REJECTED]))
        if len(refused):
            self._refuse(refused)
        self._keep_positives(part)

    def _refuse(self, refused: pl.DataFrame) -> None:
        """A few of each rule, as the draw has them; of the first rules by name."""
        drawn = pl.Series(pair_uniforms(refused, self.seed, "report"))
        few = (
            refused.with_columns(agreeing=pl.lit(0, pl.UInt32), drawn=drawn)
            .sort("rule", "drawn", descending=[False, True])
            .group_by("rule", maintain_order=True)
            .head(OF_A_RULE)
            .select(*refused.columns, "agreeing", "drawn")
        )
        before = self.found.get(REFUSED, few.clear())
        self.found[REFUSED] = (
            pl.concat([before, few])
            .sort("rule", "drawn", "query_id", "doc_id", descending=[False, True, False, False])
            .group_by("rule", maintain_order=True)
            .head(OF_A_RULE)
            .select(few.columns)
            .head(OF_A_RULE * RULES)
        )

    def _choose(self, negatives: pl.DataFrame) -> None:
        ranks = [pl.col(f"{name}_rank").is_not_null() for name in self.opinions]
        negatives = negatives.with_columns(
            agreeing=pl.sum_horizontal(ranks) if ranks else pl.lit(0, pl.UInt32),
            drawn=pl.Series(pair_uniforms(negatives, self.seed, "report")),
        )
        for name, order in self._orders().items():
            doubtful = pl.col("verdict") == ELIGIBLE if name == SUSPICIOUS else pl.lit(True)
            new, kept = negatives.filter(doubtful), self.found.get(name)
            if kept is not None:
                new = pl.concat([kept, _above_the_last(kept, new, order[0], self.count)])
            self.found[name] = _foremost(new, order, self.count)

    def positives_by_query(self) -> dict[str, list[dict[str, Any]]]:
        """Each query's highest- and lowest-scored positive; one row where they are the same.

        Where no positive has a score, the first by id.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        if len(self.positives):
            rows = self.positives.sort("hardness", descending=True, nulls_last=True)
            for row in rows.iter_rows(named=True):
                found.setdefault(row["query_id"], []).append(row)
        return found

    def _orders(self) -> dict[str, list[str]]:
        return {
            SUSPICIOUS: ["p_relevant", "agreeing", "hardness"],
            HARDEST: ["hardness", "agreeing"],
            TYPICAL: ["drawn"],
        }

    def _keep_positives(self, part: pl.DataFrame) -> None:
        """The positives of the queries kept so far; those of queries overtaken are let go."""
        wanted = sorted({query for rows in self.found.values() for query in rows["query_id"]})
        if wanted == self._wanted:
            return
        self._wanted = wanted
        own = (
            part.filter((pl.col("verdict") == POSITIVE) & pl.col("query_id").is_in(wanted))
            .with_columns(positives=pl.len().over("query_id"))
            .sort("query_id", "hardness", "doc_id", nulls_last=True)
        )
        lowest = own.unique("query_id", keep="first", maintain_order=True)
        scored = own.filter(pl.col("hardness").is_not_null())
        highest = scored.unique("query_id", keep="last", maintain_order=True)
        own = pl.concat([lowest, highest]).unique(["query_id", "doc_id"], maintain_order=True)
        before = self.positives if len(self.positives) else own.clear()
        self.positives = pl.concat([before, own]).filter(pl.col("query_id").is_in(wanted))


def _above_the_last(kept: pl.DataFrame, new: pl.DataFrame, first: str, count: int) -> pl.DataFrame:
    """Those of `new` that can be among the first `count`, by what the order looks at first.

    Few are, once so many are kept, and only these need be put in order.
    """
    last = kept[first].min() if len(kept) == count and not kept[first].null_count() else None
    return new if last is None else new.filter(pl.col(first) >= last)


def _foremost(rows: pl.DataFrame, order: list[str], count: int) -> pl.DataFrame:
    """The first `count` rows by `order`, descending, one a query; ties by query, then document."""
    return (
        rows.sort(
            *order, "query_id", "doc_id",
            descending=[*(True for _ in order), False, False], nulls_last=True,
        )
        .unique("query_id", keep="first", maintain_order=True)
        .head(count)
    )  # fmt: skip

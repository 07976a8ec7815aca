"""Stratified choice: the same number from each stratum of score or rank."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.pick.sampled import shuffled
from negatives.pick.top import first, ordered, require_column
from negatives.stage import Picker


class Stratified(Picker, kind="stratified"):
    """One from each stratum in turn, hardest stratum first, so that easy and hard ones mix.

    Strata are intervals of a ledger column between `edges` (ranks: 10, 30, 100), or, without
    edges, `strata` groups of equal size of each query's own candidates.
    """

    by: Annotated[
        str, Meta(description="ledger column: hardness, or a rank such as dense_rank")
    ] = "hardness"
    strata: Annotated[int, Meta(ge=2, description="groups of equal size, where no edges")] = 4
    edges: Annotated[
        list[float],
        Meta(description="upper edges of the strata, ascending; beyond the last: one more"),
    ] = []

    def check(self) -> None:
        """Edges ascend."""
        if self.edges != sorted(set(self.edges)):
            raise RecipeError(
                f"stratified: edges {self.edges} do not ascend", mend="sort them, each once"
            )

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Round robin over the strata; within one, at random. An empty stratum passes its turn.

        A pair without a value belongs to the easiest stratum.
        """
        require_column(rows, self.by)
        hardest_first = not self.by.endswith("_rank")
        if self.edges:
            stratum = pl.lit(0, pl.Int32)
            for edge in self.edges:
                above = (pl.col(self.by) > edge).fill_null(not hardest_first)
                stratum = stratum + above.cast(pl.Int32)
            if hardest_first:
                stratum = -stratum
        else:
            rows = ordered(rows, self.by, descending=hardest_first)
            place = pl.int_range(pl.len()).over("query_id")
            stratum = (place * self.strata // pl.len().over("query_id")).cast(pl.Int32)
        drawn = shuffled(rows.with_columns(_stratum=stratum), seed, "pick/stratified")
        turn = pl.int_range(pl.len()).over("query_id", "_stratum")
        return first(
            drawn.with_columns(_turn=turn).sort("query_id", "_turn", "_stratum"), self.per_query
        ).drop("_turn", "_stratum")

"""Stratified choice: the same number from each stratum of score or rank."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from msgspec import Meta

from negatives.chance import pair_uniforms
from negatives.errors import RecipeError
from negatives.pick.sampled import in_order, with_draws
from negatives.pick.top import first, ordered, require_column
from negatives.stage import Picker


class Stratified(Picker, kind="stratified"):
    """One from each stratum in turn, hardest stratum first, so that easy and hard ones mix.

    Strata are intervals of a ledger column between `edges` (ranks: 10, 30, 100), or, without
    edges, `strata` groups of each query's own candidates: of equal size, or of equal width between
    the query's lowest and highest value. Groups of equal width by a teacher's score, begun by
    chance, are the margin-balanced pairs of TAS-Balanced (Hofstätter et al., 2021).

    >>> from negatives import Stratified, tiny
    >>> tiny.picked(Stratified(per_query=3, strata=3))["wings"]
    ['plane', 'stall', 'museum']
    >>> tiny.picked(Stratified(per_query=2, by="dense_rank", edges=[3, 5]))["wings"]
    ['again', 'plane']
    """

    by: Annotated[
        str, Meta(description="ledger column: hardness, or a rank such as dense_rank")
    ] = "hardness"
    strata: Annotated[int, Meta(ge=2, description="groups, where no edges")] = 4
    equal: Annotated[
        Literal["size", "width"], Meta(description="what the groups have in common, where no edges")
    ] = "size"
    edges: Annotated[
        list[float],
        Meta(description="upper edges of the strata, ascending; beyond the last: one more"),
    ] = []
    begin: Annotated[
        Literal["hardest", "chance"],
        Meta(
            description="whose turn is first: the hardest stratum's, or each query draws an order"
        ),
    ] = "hardest"

    def check(self) -> None:
        """Edges ascend."""
        if self.edges != sorted(set(self.edges)):
            raise RecipeError(
                f"stratified: edges {self.edges} do not ascend", fix="sort them, each once"
            )

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Round robin over the strata; within one, at random. An empty stratum passes its turn.

        A pair without a value belongs to the easiest stratum.
        """
        require_column(rows, self.by)
        rows = self._in_strata(rows)
        drawn = in_order(with_draws(rows, seed, "pick/stratified"))
        order = pl.col("_stratum")
        if self.begin == "chance":
            each = drawn.select("query_id", doc_id=pl.col("_stratum").cast(pl.String))
            order = pl.lit(pl.Series(pair_uniforms(each, seed, "pick/stratified/order")))
        turn = pl.int_range(pl.len()).over("query_id", "_stratum")
        return first(
            drawn.with_columns(_turn=turn, _order=order).sort("query_id", "_turn", "_order"),
            self.per_query,
        ).drop("_turn", "_order", "_stratum")

    def _in_strata(self, rows: pl.DataFrame) -> pl.DataFrame:
        """With the number of each row's stratum, the hardest lowest."""
        hardest_first = not self.by.endswith("_rank")
        value = pl.col(self.by)
        if self.edges:
            stratum = pl.lit(0, pl.Int32)
            for edge in self.edges:
                above = (value > edge).fill_null(not hardest_first)
                stratum = stratum + above.cast(pl.Int32)
            return rows.with_columns(_stratum=-stratum if hardest_first else stratum)
        if self.equal == "width":
            low, high = value.min().over("query_id"), value.max().over("query_id")
            share = (high - value if hardest_first else value - low) / (high - low)
            # Where all are the same there is one stratum; a pair without a value is in the last.
            number = (share.fill_nan(0.0) * self.strata).floor().fill_null(self.strata)
            return rows.with_columns(_stratum=number.cast(pl.Int32).clip(0, self.strata - 1))
        rows = ordered(rows, self.by, descending=hardest_first)
        place = pl.int_range(pl.len()).over("query_id")
        return rows.with_columns(
            _stratum=(place * self.strata // pl.len().over("query_id")).cast(pl.Int32)
        )

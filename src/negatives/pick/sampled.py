"""Uniform choice among the candidates that were kept."""

from __future__ import annotations

from typing import Annotated, Final

import polars as pl
from msgspec import Meta

from negatives.chance import pair_uniforms
from negatives.pick.best import within_reach
from negatives.pick.top import first, ordered
from negatives.stage import Picker, Ranking

_STREAM: Final = "pick/random"


class RandomPick(Picker, kind="random"):
    """Uniformly drawn from the kept candidates, or from the highest of them.

    >>> from negatives import RandomPick, tiny
    >>> tiny.picked(RandomPick(per_query=2))["wings"]
    ['plane', 'albatross']
    >>> tiny.picked(RandomPick(per_query=2, among=2))["wings"]
    ['plane', 'again']
    """

    among: Annotated[
        int, Meta(ge=0, description="draw from this many highest only; 0: from all")
    ] = 0
    by: Annotated[str, Meta(description="ledger column that says which are highest")] = "hardness"

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Without replacement, in the order drawn; never fewer than asked if there are enough."""
        if self.among:
            rows = first(ordered(rows, self.by), max(self.among, self.per_query))
        drawn = with_draws(rows, seed, _STREAM)
        near = within_reach(drawn, -pl.col("_draw"), self.per_query)
        return first(in_order(near), self.per_query)

    @property
    def ranking(self) -> Ranking | None:
        """The order drawn, unless that is among the highest, where others may be higher."""
        return None if self.among else self

    def ranked(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """All rows in the order drawn."""
        return in_order(with_draws(rows, seed, _STREAM))


def with_draws(rows: pl.DataFrame, seed: int, stream: str) -> pl.DataFrame:
    """The rows with `_draw`, a number that depends on (seed, stream, query_id, doc_id) only."""
    return rows.with_columns(pl.Series("_draw", pair_uniforms(rows, seed, stream)))


def in_order(drawn: pl.DataFrame) -> pl.DataFrame:
    """Rows of each query in the order drawn."""
    return drawn.sort("query_id", "_draw", "doc_id").drop("_draw")

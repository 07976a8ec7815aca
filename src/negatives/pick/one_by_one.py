"""One at a time: of a few drawn options, the one that adds most to those already chosen."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Places
from negatives.chance import pair_uniforms
from negatives.errors import RecipeError
from negatives.pick.in_order import of_each_query
from negatives.pick.top import require_column
from negatives.stage import Picker
from negatives.stats.greedy import Drawn, Farthest, Fixed, greedy_of_offers

Choice = Literal["farthest", "hardest"]


class OneByOne(Picker, kind="one-by-one"):
    """Draws a few options, takes the one unlike all it has, and so on, until there are enough.

    Add-One-In (Li et al. 2025) shows a language model what is chosen and some options, and asks
    which adds most. A reconstruction with the rule that needs none: the option whose evidence
    (its scores, each in standard deviations of its query's) lies farthest from that of any chosen
    one, or the hardest. With one option it is a draw by chance, with as many as there are a cover
    of all kinds of candidates (k-centre greedy). Which options are drawn depends on seed and ids.

    >>> from negatives import OneByOne, tiny
    >>> tiny.picked(OneByOne(per_query=3, options=3))["wings"]
    ['plane', 'museum', 'again']
    """

    options: Annotated[int, Meta(ge=1, description="candidates drawn each time")] = 5
    choose: Annotated[
        Choice, Meta(description="the option farthest from those chosen, or the hardest")
    ] = "farthest"
    by: Annotated[
        list[str], Meta(description="ledger columns that say how far apart two are; empty: scores")
    ] = []

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """In the order of choice; of options alike the one drawn first."""
        columns = self.by or [name for name in rows.columns if name.endswith("_score")]
        if not columns:
            raise RecipeError(
                "one-by-one: the ledger has no scores", fix='by = ["hardness"], or add a source'
            )
        for name in (*columns, "hardness"):
            require_column(rows, name)
        rows = rows.sort("query_id", "doc_id")
        hardness = rows["hardness"].cast(pl.Float64).fill_null(-np.inf).to_numpy()
        at = _placed(rows, columns)

        @cache
        def draw(turn: int) -> Doubles:
            return pair_uniforms(rows, seed, f"pick/one-by-one/{turn}")

        def chosen(theirs: Places) -> Places:
            part = at[theirs] if self.choose == "farthest" else hardness[theirs]
            worth = Farthest(part) if self.choose == "farthest" else Fixed(part)
            offers = Drawn(np.arange(len(theirs)), lambda turn: draw(turn)[theirs], self.options)
            return theirs[greedy_of_offers(worth, offers, self.per_query)]

        return rows[of_each_query(rows, chosen)]


def _placed(rows: pl.DataFrame, columns: list[str]) -> Doubles:
    """float64[rows, columns] in standard deviations of the query's; without a value: its mean."""
    made = []
    for name in columns:
        value = pl.col(name).cast(pl.Float64)
        spread = value.std(ddof=0).over("query_id")
        centred = value - value.mean().over("query_id")
        made.append(pl.when(spread > 0).then(centred / spread).fill_null(0.0).alias(name))
    return rows.select(made).to_numpy().reshape(len(rows), len(columns))

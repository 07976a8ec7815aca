"""One at a time: of a few drawn options, the one that adds most to those already chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places
from negatives.chance import pair_uniforms
from negatives.errors import RecipeError
from negatives.pick.top import require_column
from negatives.stage import Picker

Choice = Literal["farthest", "hardest"]
Draw = Callable[[int], Doubles]
"""A number in (0, 1) for each row, by the turn."""
_NONE: Final = -1


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
        query = rows["query_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
        chosen = one_by_one(
            query,
            _placed(rows, columns),
            rows["hardness"].cast(pl.Float64).fill_null(-np.inf).to_numpy(),
            lambda turn: pair_uniforms(rows, seed, f"pick/one-by-one/{turn}"),
            count=self.per_query,
            options=self.options,
            choose=self.choose,
        )
        return rows[chosen].sort("query_id", maintain_order=True)


def one_by_one(
    query: Places,
    at: Doubles,
    hardness: Doubles,
    draw: Draw,
    *,
    count: int,
    options: int,
    choose: Choice,
) -> Places:
    """int64[m]: rows in the order of choice, up to `count` of each query.

    query: int64[n], 0 .. queries - 1; at: float64[n, columns]; draw(turn): float64[n], of which the
    lowest are the options. All queries take their next item at once.
    """
    left = np.ones(len(query), bool)
    nearest = np.full(len(query), np.inf)
    """Distance to the nearest chosen one of the same query."""
    queries = int(query.max(initial=_NONE)) + 1
    chosen: list[NDArray[np.int64]] = []
    for turn in range(count):
        rows = np.flatnonzero(left)
        if not len(rows):
            break
        drawn = rows[np.lexsort((draw(turn)[rows], query[rows]))]
        begins = np.flatnonzero(np.diff(query[drawn], prepend=_NONE))
        place = np.arange(len(drawn)) - np.repeat(begins, np.diff([*begins, len(drawn)]))
        offered, order = drawn[place < options], place[place < options]
        worth = nearest if choose == "farthest" else hardness
        ranked = offered[np.lexsort((order, -worth[offered], query[offered]))]
        best = ranked[np.flatnonzero(np.diff(query[ranked], prepend=_NONE))]
        left[best] = False
        chosen.append(best)
        latest = np.full(queries, _NONE)
        latest[query[best]] = best
        theirs = latest[query]
        far = np.sqrt(((at - at[theirs]) ** 2).sum(1))
        nearest = np.where(theirs == _NONE, nearest, np.minimum(nearest, far))
    return np.concatenate(chosen) if chosen else np.empty(0, np.int64)


def _placed(rows: pl.DataFrame, columns: list[str]) -> Doubles:
    """float64[rows, columns] in standard deviations of the query's; without a value: its mean."""
    made = []
    for name in columns:
        value = pl.col(name).cast(pl.Float64)
        spread = value.std(ddof=0).over("query_id")
        centred = value - value.mean().over("query_id")
        made.append(pl.when(spread > 0).then(centred / spread).fill_null(0.0).alias(name))
    return rows.select(made).to_numpy().reshape(len(rows), len(columns))

"""The highest first."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.pick.best import within_reach
from negatives.stage import Picker, Ranking


class Top(Picker, kind="top"):
    """The highest candidates by a column of the ledger: the hardest, unless it names another.

    >>> from negatives import Top, tiny
    >>> tiny.picked(Top(per_query=2))["wings"]
    ['again', 'plane']
    >>> tiny.picked(Top(per_query=2, by="bm25_score"))["wings"]
    ['again', 'museum']
    """

    by: Annotated[
        str, Meta(description="ledger column to order by: hardness, bm25_score, fused_score, ...")
    ] = "hardness"

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Highest first; ties by doc_id; a pair without a value comes after all others."""
        require_column(rows, self.by)
        near = within_reach(rows, pl.col(self.by), self.per_query)
        return first(self.ranked(near, seed), self.per_query)

    @property
    def ranking(self) -> Ranking:
        """Itself."""
        return self

    def ranked(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """All rows in that order."""
        return ordered(rows, self.by)


def ordered(rows: pl.DataFrame, by: str, *, descending: bool = True) -> pl.DataFrame:
    """Rows sorted by query, then `by` (nulls last), then doc_id."""
    require_column(rows, by)
    return rows.sort(
        "query_id", by, "doc_id", descending=[False, descending, False], nulls_last=True
    )


def require_column(rows: pl.DataFrame, column: str) -> None:
    """`RecipeError` unless the ledger has this numeric column."""
    if column not in rows.columns or not rows.schema[column].is_numeric():
        numeric = [name for name, dtype in rows.schema.items() if dtype.is_numeric()]
        raise RecipeError(
            f"pick: the ledger has no numeric column {column!r}",
            fix=f"one of {', '.join(numeric)}",
        )


def first(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """The first `count` rows of each query, in the order they have."""
    return rows.filter(pl.int_range(pl.len()).over("query_id") < count)

"""Quotas: so many from each source."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.pick.top import first
from negatives.stage import Picker, Share


class Quotas(Picker, kind="quotas"):
    """The best-ranked of each source up to its quota, then the best-ranked of all that are left.

    A pair that several sources propose counts for the first that takes it; sources take turns in
    the order of `quotas`. `per_query` bounds the total. A pair of which no p_relevant is known is
    never too probable.

    >>> from negatives import Quotas, tiny
    >>> tiny.picked(Quotas(per_query=3, quotas={"bm25": 2, "dense": 1}))["planes"]
    ['again', 'copy', 'albatross']
    """

    quotas: Annotated[
        dict[str, Annotated[int, Meta(ge=0)]], Meta(description="source -> negatives from it")
    ] = {}
    max_p: Annotated[
        Share, Meta(description="never a pair that is more probably relevant than this")
    ] = 1.0

    def check(self) -> None:
        """There is at least one quota, and no more than `per_query` in all."""
        if not self.quotas:
            raise RecipeError("quotas: no quotas", fix="quotas = { bm25 = 3, dense = 4 }")
        if sum(self.quotas.values()) > self.per_query:
            total = sum(self.quotas.values())
            raise RecipeError(
                f"quotas: {total} in all, more than per_query = {self.per_query}",
                fix="raise per_query, or lower a quota",
            )

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Quota by quota, best rank first; then by the best rank in any source; ties by doc_id."""
        chosen: list[pl.DataFrame] = []
        if self.max_p < 1:
            rows = rows.filter(~(pl.col("p_relevant") > self.max_p).fill_null(False))
        left = rows
        for source, quota in self.quotas.items():
            rank = f"{source}_rank"
            if rank not in rows.columns:
                names = [
                    name.removesuffix("_rank") for name in rows.columns if name.endswith("_rank")
                ]
                raise RecipeError(
                    f"quotas: the run has no source {source!r}", fix=f"one of {', '.join(names)}"
                )
            taken = first(
                left.filter(pl.col(rank).is_not_null()).sort("query_id", rank, "doc_id"), quota
            )
            chosen.append(taken)
            left = left.join(taken, on=["query_id", "doc_id"], how="anti")
        best = pl.min_horizontal(name for name in rows.columns if name.endswith("_rank"))
        chosen.append(
            left.with_columns(_best=best)
            .sort("query_id", "_best", "doc_id", nulls_last=True)
            .drop("_best")
        )
        return first(pl.concat(chosen).sort("query_id", maintain_order=True), self.per_query)

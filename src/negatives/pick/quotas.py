"""Quotas: so many from each source, and so many of what each generator wrote."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.pick.top import first
from negatives.stage import Picker, Share


class Quotas(Picker, kind="quotas"):
    """The best-ranked of each source up to its quota, then the best-ranked of all that are left.

    A quota may also name a generator of the recipe: what it wrote has no rank, and is taken in the
    order of its ids. A pair that several sources propose counts for the first that takes it;
    sources take turns in the order of `quotas`. `per_query` bounds the total. A pair of which no
    p_relevant is known is never too probable.

    >>> from negatives import Quotas, tiny
    >>> tiny.picked(Quotas(per_query=3, quotas={"bm25": 2, "dense": 1}))["planes"]
    ['again', 'copy', 'albatross']
    """

    quotas: Annotated[
        dict[str, Annotated[int, Meta(ge=0)]],
        Meta(description="source or generator -> negatives from it"),
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

    @property
    def takes_from(self) -> tuple[str, ...]:
        """Those that have a quota."""
        return tuple(self.quotas)

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Quota by quota, best rank first; then by the best rank in any source; ties by doc_id."""
        chosen: list[pl.DataFrame] = []
        if self.max_p < 1:
            rows = rows.filter(~(pl.col("p_relevant") > self.max_p).fill_null(False))
        left = rows
        for source, quota in self.quotas.items():
            taken = first(_of(left, source), quota)
            chosen.append(taken)
            left = left.join(taken, on=["query_id", "doc_id"], how="anti")
        ranks = [name for name in rows.columns if name.endswith("_rank")]
        best = pl.min_horizontal(ranks) if ranks else pl.lit(None, pl.Int32)
        chosen.append(
            left.with_columns(_best=best)
            .sort("query_id", "_best", "doc_id", nulls_last=True)
            .drop("_best")
        )
        return first(pl.concat(chosen).sort("query_id", maintain_order=True), self.per_query)


def _of(rows: pl.DataFrame, label: str) -> pl.DataFrame:
    """The rows that a source proposed, best rank first, or that a generator wrote; ties by id."""
    rank = f"{label}_rank"
    if rank in rows.columns:
        return rows.filter(pl.col(rank).is_not_null()).sort("query_id", rank, "doc_id")
    if "sources" in rows.columns:
        return rows.filter(pl.col("sources").list.contains(label)).sort("query_id", "doc_id")
    names = [name.removesuffix("_rank") for name in rows.columns if name.endswith("_rank")]
    raise RecipeError(f"quotas: the run has no source {label!r}", fix=f"one of {', '.join(names)}")

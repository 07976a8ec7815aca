"""Which pairs of a run a costly judge is asked about, and what may be learned from its answers.

A judge that reads query and document together looks at the likeliest pairs of each query, and at
its positives, to learn what its scores are worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Floats, Rows
from negatives.errors import RecipeError
from negatives.schema import Collection

Score = Callable[[Rows, Rows], Floats]
"""float32[n] of pairs by row number; NaN: unknown."""
_POSITIVE = (pl.col("relevance") > 0).fill_null(False)


@dataclass(frozen=True, slots=True)
class AskedPairs:
    """The `top` of each query by the `reference` score that nobody objects to; 0: all of them."""

    kind: str
    collection: Collection
    reference: str
    top: int

    def __post_init__(self) -> None:
        if self.top and not self.reference:
            raise RecipeError(
                f"{self.kind}: no source of the recipe scores the candidates, so there is no top",
                fix="set top = 0 to score them all, or add a dense or bm25 source",
            )

    def scored(self, rows: pl.DataFrame, score: Score, column: str, held: str) -> pl.DataFrame:
        """The scores of the chosen pairs as `column`, null of the others and of the unknown.

        Positives are always scored. `held` is null of those that would not have been chosen had
        their label not been known: what it holds may be learned from.
        """
        chosen = self._chosen(rows)
        picked = rows[chosen]
        scores = score(picked["query"].to_numpy(), picked["doc"].to_numpy())
        none = pl.repeat(None, len(rows), dtype=pl.Float32, eager=True)
        made = none.scatter(chosen, pl.Series(scores, dtype=pl.Float32).fill_nan(None))
        fair = pl.Series(np.zeros(len(rows), bool)).scatter(chosen, True)
        return rows.with_columns(made.alias(column), fair.alias("_chosen")).select(
            column, self._held(column).alias(held)
        )

    def _held(self, column: str) -> pl.Expr:
        """The scores but those of positives below their query's last chosen candidate."""
        if not self.top:
            return pl.col(column)
        reference = pl.col(f"{self.reference}_score")
        others = pl.col("_chosen") & ~_POSITIVE
        last = reference.filter(others).min().over("query")
        full = others.sum().over("query") >= self.top
        return pl.when(~_POSITIVE | ~full | (reference >= last)).then(column)

    def _chosen(self, rows: pl.DataFrame) -> NDArray[np.intp]:
        """Which rows are scored: positives, and the `top` of each query that nobody objects to."""
        empty = pl.Series(self.collection.lacking("docs", ("text",)), dtype=pl.UInt32)
        with_text = rows.with_row_index("_place").filter(~pl.col("doc").is_in(empty.implode()))
        known = with_text.filter(_POSITIVE)["_place"]
        alive = with_text.filter(pl.col("verdict").is_null() & ~_POSITIVE)
        if self.top:
            score = f"{self.reference}_score"
            alive = alive.sort(
                "query", score, "doc", descending=[False, True, False], nulls_last=True
            ).filter(pl.int_range(pl.len()).over("query") < self.top)
        return np.sort(pl.concat([known, alive["_place"]]).to_numpy()).astype(np.intp)

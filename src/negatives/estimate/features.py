"""The evidence about a pair as columns of numbers, each with the direction it may only work in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import RecipeError, nearest
from negatives.estimate.other_positives import names

_HIGH = 10  # the score of the candidate at this place says how far down a query's list begins


@dataclass(frozen=True, slots=True)
class Feature:
    """A column: `direction` 1 means that p_relevant may only rise with it, -1 only fall."""

    name: str
    direction: int
    value: pl.Expr


def features_of(
    scorers: Sequence[str], likenesses: Sequence[str], evidence: Mapping[str, int], view: str
) -> list[Feature]:
    """All features of a run in one view: scores and ranks, likeness to other positives, evidence.

    A score counts as it is, by its place among the scores of its query (in standard deviations, and
    above or below the tenth), and by its rank.
    """
    made: list[Feature] = []
    for label in scorers:
        score = pl.col(f"{label}_score").cast(pl.Float64)
        spread = score.std(ddof=0).over("query")
        centred = score - score.mean().over("query")
        high = score.top_k(_HIGH).min().over("query")
        rank = pl.col(f"{label}_rank").cast(pl.Float64).log()
        made += [
            Feature(f"{label} score", 1, score),
            Feature(
                f"{label} within query",
                1,
                pl.when(spread > 0).then(centred / spread).otherwise(0.0),
            ),
            Feature(f"{label} above the tenth", 1, score - high),
            Feature(f"{label} log rank", -1, rank),
        ]
    made += [
        Feature(name, 0 if name == "others" else 1, pl.col(f"{view}_{name}"))
        for name in names(list(likenesses))
    ]
    return made + [Feature(name, sign, pl.col(name)) for name, sign in evidence.items()]


def table(rows: pl.DataFrame, features: Sequence[Feature]) -> NDArray[np.float32]:
    """float32[n, features]; NaN where there is nothing to say."""
    chosen = [each.value.cast(pl.Float32).alias(each.name) for each in features]
    return rows.select(chosen).fill_null(float("nan")).to_numpy().astype(np.float32)


def check_numeric(rows: pl.DataFrame, columns: Iterable[str], kind: str) -> None:
    """`RecipeError` where the stage of this kind has no such column of numbers to learn from."""
    numeric = [name for name, dtype in rows.schema.items() if dtype.is_numeric()]
    for name in columns:
        if name not in numeric:
            raise RecipeError(
                f"{kind}: no stage of the recipe writes a numeric column {name!r}",
                fix=nearest(name, numeric),
            )

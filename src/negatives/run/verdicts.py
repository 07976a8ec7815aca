"""What verdicts settle in rows of a ledger: for the pairs they are of, and for all the others.

A pair found relevant is no candidate any more, one found not relevant is a judged negative, and
p_relevant of every pair is made again by what the verdicts say of its level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import polars as pl

from negatives.estimation import Revised
from negatives.run.judged import BEFORE
from negatives.schema import ELIGIBLE, JUDGED_NEGATIVE, PAIR, REJECTED
from negatives.stage import Estimator

Columns = Callable[[pl.DataFrame], pl.DataFrame]
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
RULE: Final = "review"
"""The rule that a verdict of somebody makes."""
OPEN: Final = pl.col("relevance").is_null() & (pl.col("verdict") == ELIGIBLE)
"""Pairs of a ledger without verdicts that nobody has judged, and no rule objects to."""


def without_verdicts(ledger: Frame) -> Frame:
    """Rows of a ledger as if there were no verdicts of people."""
    ours = pl.col("rule") == RULE
    return ledger.with_columns(
        verdict=pl.when(ours).then(pl.lit(ELIGIBLE)).otherwise("verdict"),
        rule=pl.when(ours).then(pl.lit("")).otherwise("rule"),
        reason=pl.when(ours).then(pl.lit("")).otherwise("reason"),
    )


def revision_of(
    estimator: Estimator | None, measured: Mapping[str, Any], judged: pl.DataFrame
) -> Revised | None:
    """What the verdicts say of the others; None where there is no estimator, or it learns nothing.

    `judged`: rows of the ledger without verdicts that are open, and `relevant`.
    """
    return None if estimator is None else estimator.revised(measured, judged)


def with_verdicts(
    ledger: pl.DataFrame, settled: pl.DataFrame, columns: Columns | None
) -> pl.DataFrame:
    """Rows of a ledger without verdicts as the verdicts leave them; the same columns.

    `settled`: query_id, doc_id, relevant. `columns` makes the estimator's columns again.
    """
    said = settled.select(*PAIR, _relevant="relevant")
    told = ledger.join(said, on=PAIR, how="left", maintain_order="left")
    open_ = pl.col("verdict") == ELIGIBLE
    yes, no = open_ & pl.col("_relevant"), open_ & ~pl.col("_relevant")
    made = told.with_columns(
        verdict=pl.when(yes)
        .then(pl.lit(REJECTED))
        .when(no)
        .then(pl.lit(JUDGED_NEGATIVE))
        .otherwise("verdict"),
        rule=pl.when(yes | no).then(pl.lit(RULE)).otherwise("rule"),
        reason=pl.when(yes)
        .then(pl.lit(f"{RULE}: found relevant"))
        .when(no)
        .then(pl.lit(f"{RULE}: found not relevant"))
        .otherwise("reason"),
    ).drop("_relevant")
    if columns is not None:
        made = _with(made, columns(made))
    return made.select(ledger.columns)


def _with(part: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """`part` with new columns; what a costly judge added to the odds of a pair is added to them."""
    if BEFORE not in part.columns:
        return part.with_columns(new)
    first = new["p_relevant"]
    odds, said, base = (
        (p := pl.col(name).cast(pl.Float64).clip(1e-9, 1 - 1e-9)) / (1 - p)
        for name in ("_first", "p_relevant", BEFORE)
    )
    revised = odds * said / base
    both = part.with_columns(_first=first).with_columns(
        p_relevant=(revised / (1 + revised)).cast(pl.Float32)
    )
    return (
        both.with_columns(new.drop("p_relevant"))
        .with_columns(pl.col("_first").alias(BEFORE))
        .drop("_first")
    )

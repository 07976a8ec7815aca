"""What a costly judge changes in a ledger, part by part: its scores, its objections, p_relevant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from negatives.estimate.revision import Revision
from negatives.run.parts import of_queries
from negatives.schema import ELIGIBLE, LEDGER_TAIL, PAIR, check_ledger
from negatives.store.facts import Asked

BEFORE: Final = "p_relevant_before"
"""Column of the first stage's p_relevant, where a judge has revised it."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a judge changes in a ledger; the scored pairs lie in a file.

    `before`: what the judge before it was asked, which is undone. `has_p`: whether p_relevant of
    any scored pair was known.
    """

    kind: str
    column: str
    derived: tuple[pl.Expr, ...]
    rule: tuple[pl.Expr, pl.Expr]
    before: Asked | None
    pairs: Path
    revision: Revision | None
    has_p: bool
    seed: int


def judged(change: Change, path: Path) -> pl.DataFrame:
    """A part of the new ledger: the scores, what they object to, and the revised p."""
    old = undone(pl.scan_parquet(path, glob=False), change.before).collect()
    mine = of_queries(pl.scan_parquet(change.pairs, glob=False), old)
    mine = mine.join(old, on="query_id", how="semi", maintain_order="left")
    p = pl.Series("revised", [None] * len(mine), dtype=pl.Float32)
    if change.revision is not None:
        p = pl.Series("revised", change.revision.revised(mine, change.seed)).cast(pl.Float32)
    found = mine.select(*PAIR, pl.col("judged").alias(change.column), p.fill_nan(None))
    verdict, reason = change.rule
    objected = (pl.col("verdict") == ELIGIBLE) & pl.col("_verdict").is_not_null()
    new = (
        old.join(found, on=PAIR, how="left", maintain_order="left")
        .with_columns(*change.derived, verdict.alias("_verdict"), reason.alias("_reason"))
        .with_columns(
            pl.col("p_relevant").alias(BEFORE),
            p_relevant=pl.coalesce("revised", "p_relevant"),
            verdict=pl.when(objected).then("_verdict").otherwise("verdict"),
            rule=pl.when(objected).then(pl.lit(change.kind)).otherwise("rule"),
            reason=pl.when(objected).then("_reason").otherwise("reason"),
        )
    )
    derived = [expr.meta.output_name() for expr in change.derived]
    added = [change.column, *derived, *([BEFORE] if change.has_p else [])]
    head = [name for name in old.columns if name not in LEDGER_TAIL]
    return check_ledger(new.select(*head, *added, *LEDGER_TAIL))


def undone(ledger: pl.LazyFrame, before: Asked | None) -> pl.LazyFrame:
    """The ledger, or a part of it, as it was before a judge was asked, where one was."""
    if before is None:
        return ledger
    if BEFORE in ledger.collect_schema():
        ledger = ledger.with_columns(p_relevant=pl.col(BEFORE)).drop(BEFORE)
    by = pl.col("rule") == before.judge["kind"]
    return ledger.drop(before.column, *before.derived).with_columns(
        verdict=pl.when(by).then(pl.lit(ELIGIBLE)).otherwise("verdict"),
        rule=pl.when(by).then(pl.lit("")).otherwise("rule"),
        reason=pl.when(by).then(pl.lit("")).otherwise("reason"),
    )

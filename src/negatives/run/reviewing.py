"""Verdicts on a finished run's pairs: what they settle, for those pairs and for all the others.

A pair found relevant is no candidate any more, one found not relevant is a judged negative, and
p_relevant of every pair is made again by what the verdicts say of its level. Everything is made
from the ledger as it was mined and from all verdicts there are, so that it does not matter in how
many calls they came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Unpack

import msgspec
import polars as pl

from negatives.chance import pair_uniforms
from negatives.engine import Mapper
from negatives.errors import DataError
from negatives.estimation import Revised
from negatives.events import Emit, silent
from negatives.run.account import Account
from negatives.run.engine import SharedOut, shared_out
from negatives.run.judged import BEFORE
from negatives.run.parts import over_parts, replace_ledger, rewrite
from negatives.run.picking import pick_again
from negatives.run.reviews import PAIR, append_reviews, read_reviews
from negatives.schema import ELIGIBLE, JUDGED_NEGATIVE, KEPT, REJECTED, check_ledger
from negatives.store.atomic import remove_partial
from negatives.store.facts import Relevance, Review
from negatives.store.lock import locked
from negatives.store.manifest import DONE
from negatives.store.run import Run

Columns = Callable[[pl.DataFrame], pl.DataFrame]
RULE: Final = "review"
"""The rule that a verdict of somebody makes."""


def review_run(
    run: Run,
    verdicts: pl.DataFrame,
    *,
    emit: Emit = silent,
    **shared: Unpack[SharedOut],
) -> None:
    """Keep `verdicts` (query_id, doc_id, relevant), draw what follows from all of them, pick again.

    Called again with the same verdicts it has nothing to do. `DataError` where none of them is of a
    pair of this run. `threads`, `engine`, `workers` and `address` are as for `mine`.
    """
    with shared_out((run.recipe.estimate, run.recipe.pick), **shared) as mapper:
        with locked(run.path):
            run = run.reopened()  # as it is, now that nobody else writes
            account = Account(run.path, run.manifest, emit)
            remove_partial(run.path)
            there = run.candidates().select(PAIR)
            known = there.join(verdicts.lazy(), on=PAIR, how="semi").collect()
            if known.is_empty():
                raise DataError(
                    f"none of {len(verdicts):,} verdicts is of a pair of this run",
                    where=str(run.path),
                    fix="judge pairs that `negatives judge RUN --ask 60 -o FILE` writes",
                )
            append_reviews(run.path, verdicts.join(known, on=PAIR, how="semi"))
            work = _Reviewing(run, read_reviews(run.path), account, mapper)
            if account.manifest.facts.reviewed != work.key:
                work.carry_out()
        if account.manifest.status != DONE:
            pick_again(run.reopened(), mapper, run.recipe.pick, emit=emit)


@dataclass(frozen=True)
class _Reviewing:
    """One call of `review_run`: all verdicts of the run."""

    run: Run
    verdicts: pl.DataFrame
    account: Account
    engine: Mapper

    @property
    def key(self) -> str:
        """Changes with any verdict."""
        lines = "\n".join(map(repr, self.verdicts.iter_rows()))
        return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()

    def carry_out(self) -> None:
        """Put a ledger that knows the verdicts in the place of the old one.

        What the verdicts say of the level of p_relevant is found once, from the pairs that have
        one; a part of the new ledger is a pass.
        """
        mark, old = f".reviewed-{self.key}", self.run.parts
        with self.account.stage("review") as stage:
            open_ = pl.col("relevance").is_null() & (pl.col("verdict") == ELIGIBLE)
            told = _unreviewed(self.run.candidates()).filter(open_)
            judged = told.join(
                self.verdicts.lazy(), on=PAIR, how="inner", maintain_order="left"
            ).collect()
            stage.rows = len(judged)
            revised = self._revised(judged)
            columns = None if revised is None else revised.columns
            one = partial(rewrite, partial(_reviewed, self.verdicts, columns), mark)
            rows = list(
                over_parts(self.account, self.engine, one, old, do="review", stage="review")
            )
        manifest = self.account.manifest
        manifest.facts.reviewed = self.key
        manifest.notes.review = Review(
            verdicts=len(self.verdicts),
            candidates=len(judged),
            relevant=int(judged["relevant"].sum()),
        )
        if revised is not None:
            before = manifest.notes.p_relevant or Relevance()
            manifest.notes.keep("p_relevant", msgspec.to_builtins(before) | revised.note)
            manifest.warnings[:] = [
                text for text in manifest.warnings if text not in revised.settles
            ]
        replace_ledger(self.account, old, mark, rows)

    def _revised(self, judged: pl.DataFrame) -> Revised | None:
        estimator = self.run.recipe.estimate
        measured = self.account.manifest.notes.measured
        return None if estimator is None else estimator.revised(measured, judged)


def _unreviewed(ledger: pl.LazyFrame) -> pl.LazyFrame:
    """The ledger, or a part of it, as if there were no verdicts."""
    ours = pl.col("rule") == RULE
    return ledger.with_columns(
        verdict=pl.when(ours).then(pl.lit(ELIGIBLE)).otherwise("verdict"),
        rule=pl.when(ours).then(pl.lit("")).otherwise("rule"),
        reason=pl.when(ours).then(pl.lit("")).otherwise("reason"),
    )


def _reviewed(verdicts: pl.DataFrame, columns: Columns | None, path: Path) -> pl.DataFrame:
    """A part of the new ledger: what the verdicts say of its pairs, and p_relevant made again."""
    old = _unreviewed(pl.scan_parquet(path, glob=False)).collect()
    told = old.join(verdicts, on=PAIR, how="left", maintain_order="left")
    open_ = pl.col("verdict") == ELIGIBLE
    yes, no = open_ & pl.col("relevant"), open_ & ~pl.col("relevant")
    part = told.with_columns(
        verdict=pl.when(yes)
        .then(pl.lit(REJECTED))
        .when(no)
        .then(pl.lit(JUDGED_NEGATIVE))
        .otherwise("verdict"),
        rule=pl.when(open_ & pl.col("relevant").is_not_null()).then(pl.lit(RULE)).otherwise("rule"),
        reason=pl.when(yes)
        .then(pl.lit(f"{RULE}: found relevant"))
        .when(no)
        .then(pl.lit(f"{RULE}: found not relevant"))
        .otherwise("reason"),
    ).drop("relevant")
    if columns is not None:
        part = _with(part, columns(part))
    return check_ledger(part.select(old.columns))


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


def ask_about(run: Run, count: int) -> pl.DataFrame:
    """query_id and doc_id of `count` pairs whose verdicts would say most; fewer where there are.

    They are drawn at random from what the picker names worth asking about (`Picker.asking`), those
    that have a verdict left out. Which pairs depends on the run's seed; more hold the fewer.
    """
    recipe = run.recipe
    picker, _ = recipe.pick.asking().tuned(run.parts, run.manifest.notes.basis)
    done = read_reviews(run.path)
    found = []
    for path in run.parts:
        kept = pl.read_parquet(path, glob=False).filter(pl.col("verdict").is_in(KEPT))
        chosen = picker.pick(kept, recipe.seed).filter(pl.col("verdict") == ELIGIBLE)
        found.append(chosen.select(PAIR).join(done, on=PAIR, how="anti"))
    pairs = pl.concat(found)
    drawn = pl.Series("_drawn", pair_uniforms(pairs, recipe.seed, "review/ask"))
    return pairs.with_columns(drawn).sort("_drawn", *PAIR).head(count).select(PAIR)

"""Verdicts on a finished run's pairs: what they settle, for those pairs and for all the others.

Everything is made from the ledger as it was mined and from all verdicts there are (`verdicts`), so
that it does not matter in how many calls they came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

import msgspec
import polars as pl

from negatives.engine import Mapper
from negatives.errors import DataError
from negatives.events import Emit, silent
from negatives.run.account import Account
from negatives.run.engine import SharedOut, shared_out
from negatives.run.parts import over_parts, replace_ledger, rewrite
from negatives.run.picking import pick_again
from negatives.run.reviews import Verdict, append_reviews, as_lines, read_reviews
from negatives.run.verdicts import OPEN, Columns, revision_of, with_verdicts, without_verdicts
from negatives.schema import PAIR, check_ledger
from negatives.store.atomic import remove_partial
from negatives.store.facts import Relevance, Review
from negatives.store.lock import locked
from negatives.store.manifest import DONE
from negatives.store.run import Run


def review_run(
    run: Run,
    verdicts: Sequence[Verdict] = (),
    *,
    emit: Emit = silent,
    **shared: Unpack[SharedOut],
) -> None:
    """Keep `verdicts`, draw what follows from all that the run has, and pick again.

    Called again with the same verdicts it has nothing to do. `DataError` where none is of a pair of
    this run, or there is none. `threads`, `engine`, `workers` and `address` are as for `mine`.
    """
    with shared_out((run.recipe.estimate, run.recipe.pick), **shared) as mapper:
        with locked(run.path):
            run = run.reopened()  # as it is, now that nobody else writes
            account = Account(run.path, run.manifest, emit)
            remove_partial(run.path)
            append_reviews(run.path, _of(run, verdicts))
            settled = read_reviews(run.path)
            if settled.is_empty() and not account.manifest.facts.reviewed:
                raise DataError(
                    "nobody has judged a pair of this run yet",
                    where=str(run.path),
                    fix="negatives review RUN opens a page to judge on",
                )
            work = _Reviewing(run, settled.drop("grade"), account, mapper)
            if account.manifest.facts.reviewed != work.key:
                work.carry_out()
        if account.manifest.status != DONE:
            pick_again(run.reopened(), mapper, run.recipe.pick, emit=emit)


def _of(run: Run, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that are of pairs of a run; `DataError` where there are some, and none of them is."""
    if not verdicts:
        return []
    pairs = as_lines(verdicts).select(PAIR).unique()
    found = run.candidates().select(PAIR).join(pairs.lazy(), on=PAIR, how="semi").collect()
    known = set(found.iter_rows())
    if not known:
        raise DataError(
            f"none of {len(verdicts):,} verdicts is of a pair of this run",
            where=str(run.path),
            fix="judge pairs that `negatives review RUN` shows, or `negatives judge RUN --ask 60 "
            "-o FILE` writes",
        )
    return [each for each in verdicts if (each.query_id, each.doc_id) in known]


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
            told = without_verdicts(self.run.candidates()).filter(OPEN)
            judged = told.join(
                self.verdicts.lazy(), on=PAIR, how="inner", maintain_order="left"
            ).collect()
            stage.rows = len(judged)
            measured = self.account.manifest.notes.measured
            revised = None
            if len(judged) or self.account.manifest.facts.reviewed:
                revised = revision_of(self.run.recipe.estimate, measured, judged)
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


def _reviewed(verdicts: pl.DataFrame, columns: Columns | None, path: Path) -> pl.DataFrame:
    """A part of the new ledger: what the verdicts say of its pairs, and p_relevant made again."""
    old = without_verdicts(pl.scan_parquet(path, glob=False)).collect()
    return check_ledger(with_verdicts(old, verdicts, columns))

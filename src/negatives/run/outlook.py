"""What verdicts would change, before anything is written: found on a sample of the ledger.

The same steps as `review_run` takes, on some whole queries: p_relevant is made again by what the
verdicts say, and the run's picker picks.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.estimation import BASIS
from negatives.recipe import Recipe
from negatives.run.verdicts import revision_of, with_verdicts
from negatives.schema import KEPT
from negatives.store.facts import Notes
from negatives.store.run import Run

_RATE: Final = ("label rate", "label rate at least", "label rate at most")


@dataclass(frozen=True)
class Prospect:
    """What would be picked: how hard at the share that was asked for, and what is known of that.

    `hardness` is None where nothing could be picked; `asked` where the picker limits no share.
    `promised`: whether that share can be promised. `label_rate` is the share of the relevant pairs
    that is labelled, with the ends of what is credible; None where no estimator knows it.
    """

    verdicts: int
    hardness: float | None
    expected: float | None
    asked: float | None
    promised: bool | None
    basis: str
    label_rate: tuple[float, ...] | None


@dataclass(frozen=True)
class Outlook:
    """A run's recipe and notes, and `ledger`, some whole queries of it as it was mined."""

    recipe: Recipe
    notes: Notes
    ledger: pl.DataFrame

    @staticmethod
    def of(run: Run, ledger: pl.DataFrame) -> Outlook:
        """Of a run, on a sample of its ledger."""
        return Outlook(run.recipe, run.manifest.notes, ledger)

    def given(self, settled: pl.DataFrame, judged: pl.DataFrame) -> Prospect:
        """What would be picked with the verdicts `settled` (query_id, doc_id, relevant).

        `judged`: rows of the whole ledger, as it was mined, that have a verdict, and `relevant`.
        """
        revised = revision_of(self.recipe.estimate, self.notes.measured, judged)
        columns = None if revised is None else revised.columns
        ledger = with_verdicts(self.ledger, settled, columns)
        note: dict[str, Any] = {} if revised is None else dict(revised.note)
        basis = note.get(BASIS, self.notes.basis)
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "part.parquet"
            ledger.write_parquet(part, compression="uncompressed", statistics=False)
            # Without what a compromise gives up: the same share before and after is compared.
            picker, found = self.recipe.pick.keeping().tuned([part], basis)
        kept = ledger.filter(pl.col("verdict").is_in(KEPT))
        picked = picker.pick(kept, self.recipe.seed)
        ends = tuple(note[name] for name in _RATE) if note.get(_RATE[0]) else None
        return Prospect(
            verdicts=len(judged),
            hardness=_mean(picked, "hardness"),
            expected=_mean(picked, "p_relevant"),
            asked=found.get("asked"),
            promised=found.get("promised"),
            basis=basis,
            label_rate=ends,
        )


def _mean(rows: pl.DataFrame, name: str) -> float | None:
    found = rows[name].mean() if name in rows.columns else None
    return None if found is None else float(found)  # type: ignore[arg-type]

"""What verdicts would change, before anything is written: found on a sample of the ledger.

The same steps as `review_run` takes, on some whole queries: p_relevant is made again by what the
verdicts say, and the run's picker picks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from negatives.estimation import BASIS
from negatives.recipe import Recipe
from negatives.run.verdicts import revision_of, with_verdicts
from negatives.schema import KEPT
from negatives.stage import Picker
from negatives.store.facts import Notes
from negatives.store.run import Run
from negatives.store.scratch import scratch_folder

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

        Without what a compromise gives up, so that the same share is compared before and after.
        `judged`: rows of the whole ledger, as it was mined, that have a verdict, and `relevant`.
        """
        picked, found, note = self.picked(settled, judged, self.recipe.pick.keeping())
        return Prospect(
            verdicts=len(judged),
            hardness=_mean(picked, "hardness"),
            expected=_mean(picked, "p_relevant"),
            asked=found.get("asked"),
            promised=found.get("promised"),
            basis=note.get(BASIS, self.notes.basis),
            label_rate=tuple(note[name] for name in _RATE) if note.get(_RATE[0]) else None,
        )

    def picked(
        self, settled: pl.DataFrame, judged: pl.DataFrame, pick: Picker
    ) -> tuple[pl.DataFrame, Mapping[str, Any], Mapping[str, Any]]:
        """What a picker would pick, what it says of that, and what the estimator says of p."""
        revised = revision_of(self.recipe.estimate, self.notes.measured, judged)
        columns = None if revised is None else revised.columns
        note = {} if revised is None else revised.note
        ledger = with_verdicts(self.ledger, settled, columns)
        with scratch_folder() as folder:
            part = folder / "part.parquet"
            ledger.write_parquet(part, compression="uncompressed", statistics=False)
            picker, found = pick.tuned([part], note.get(BASIS, self.notes.basis))
        kept = ledger.filter(pl.col("verdict").is_in(KEPT))
        return picker.pick(kept, self.recipe.seed), found, note


def _mean(rows: pl.DataFrame, name: str) -> float | None:
    found = rows[name].mean() if name in rows.columns else None
    return None if found is None else float(found)  # type: ignore[arg-type]

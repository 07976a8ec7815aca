"""What every section of a report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from negatives.show.survey import Survey, survey
from negatives.show.texts import ReportTexts
from negatives.store.facts import Counts
from negatives.store.run import Run

SHOWN: Final = 10
"""Rows of a list of examples, at most."""
_KEPT: Final = 3 * SHOWN  # so that what a list shows can be left out of the next two


@dataclass(frozen=True)
class ReportEvidence:
    """A run, its ledger counted, its texts."""

    run: Run

    @cached_property
    def survey(self) -> Survey:
        """The ledger, counted in one pass."""
        return survey(self.run, _KEPT)

    @cached_property
    def texts(self) -> ReportTexts:
        """Texts of the collection, where they are at hand."""
        return ReportTexts.of(self.run)

    @property
    def counts(self) -> Counts:
        """How much the manifest says there is."""
        return self.run.manifest.counts

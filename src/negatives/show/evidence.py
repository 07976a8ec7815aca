"""What every section of a report is made from."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from negatives.events import Emit, Progress, silent
from negatives.measure.certificate import Certificate, certified
from negatives.measure.review import review_of
from negatives.measure.tally import Tally
from negatives.run.picked import parts_with_picks
from negatives.show.frontier import Frontier
from negatives.show.probabilities import Probabilities
from negatives.show.survey import Survey, Surveying
from negatives.show.texts import ReportTexts
from negatives.store.facts import Counts
from negatives.store.run import Run

SHOWN: Final = 10
"""Rows of a list, at most."""
PAIRS: Final = 40
"""Pairs of each ordering that can be looked at, at most."""
_KEPT: Final = 3 * PAIRS  # so that what a list shows can be left out of the next two


@dataclass(frozen=True)
class ReportEvidence:
    """A run, its ledger counted, its texts."""

    run: Run
    emit: Emit = silent
    """Hears how many pairs of the ledger are counted."""

    @property
    def survey(self) -> Survey:
        """The ledger, counted."""
        return self._counted[0]

    @cached_property
    def certificate(self) -> Certificate:
        """How many of the negatives are false."""
        return certified(self.run, self._counted[1], review_of(self.run))

    @property
    def frontier(self) -> Frontier:
        """What else could have been picked."""
        return self._counted[2]

    @property
    def probabilities(self) -> Probabilities:
        """p_relevant, counted up to its tail."""
        return self._counted[3]

    @cached_property
    def _counted(self) -> tuple[Survey, Tally, Frontier, Probabilities]:
        """What is counted of the ledger, in one pass."""
        surveying, tally = Surveying(self.run, _KEPT), Tally.begun(self.run)
        frontier, probabilities = Frontier.begun(self.run), Probabilities()
        both = tally.columns and list(dict.fromkeys([*surveying.columns, *tally.columns]))

        def describe(part: pl.DataFrame) -> None:
            surveying.add(part)
            probabilities.add(part)

        def count(part: pl.DataFrame) -> None:
            part = tally.candidates(part)
            tally.add(part)
            frontier.add(part)

        counting: list[Future[None]] = []
        done = 0
        with ThreadPoolExecutor(2) as pool:
            for part in parts_with_picks(self.run, both):
                _ended(counting)  # each counts parts in their order, while the next one is read
                counting = [pool.submit(each, part) for each in (describe, count)]
                done += len(part)
                self.emit(Progress("report", done, self.counts.candidates, "pairs"))
                del part
            _ended(counting)
        return surveying.done(), tally, frontier, probabilities

    @cached_property
    def texts(self) -> ReportTexts:
        """Texts of the collection, where they are at hand."""
        return ReportTexts.of(self.run)

    @property
    def counts(self) -> Counts:
        """How much the manifest says there is."""
        return self.run.manifest.counts


def _ended(counting: list[Future[None]]) -> None:
    for each in counting:
        each.result()

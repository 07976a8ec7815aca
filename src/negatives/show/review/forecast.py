"""What the verdicts have won so far, found out beside the page while people judge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import polars as pl

from negatives.run.asking import Questions
from negatives.run.outlook import Outlook, Prospect
from negatives.run.reviews import as_lines, settled
from negatives.schema import PAIR
from negatives.show.review.desk import Desk

_REST: Final = 2.0
"""Times as long as a forecast takes, nothing is found out after it."""


class Forecast:
    """`before`: what would be picked without any verdict; `now`: with those of `version`.

    Both are None until they are known. A thread makes them: verdicts that come meanwhile are all
    taken in together, so that it never falls behind.
    """

    def __init__(self, desk: Desk) -> None:
        self.before: Prospect | None = None
        self.now: Prospect | None = None
        self.version = -1
        self._desk = desk
        self._asked: Questions | None = None
        self._wake = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """End, once what is being found out is known."""
        self._stop = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def changed(self) -> None:
        """There are new verdicts."""
        self._wake.set()

    @property
    def behind(self) -> bool:
        """Whether there are verdicts that `now` does not know yet."""
        return self.version != self._desk.version

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stop:
                return
            version, asked = self._desk.version, self._desk.questions
            began = time.perf_counter()
            with suppress(Exception):  # the page goes on without a forecast
                self._find_out(asked)
            took = time.perf_counter() - began
            if asked is self._desk.questions:
                self.version = version
            time.sleep(min(_REST * took, 3.0))  # the processor is for whoever is judging

    def _find_out(self, asked: Questions) -> None:
        outlook = Outlook.of(self._desk.run, asked.sample)
        if self.before is None or asked is not self._asked:
            nothing = settled(as_lines([]))
            self.before = outlook.given(nothing, _judged(self._desk.rows, nothing))
            self._asked = asked
        found = settled(as_lines(self._desk.standing()))
        self.now = outlook.given(found, _judged(self._desk.rows, found))


def _judged(
    rows: Callable[[list[tuple[str, str]]], pl.DataFrame], found: pl.DataFrame
) -> pl.DataFrame:
    """Rows of the ledger that have a verdict, with it."""
    pairs = list(found.select(PAIR).iter_rows())
    return rows(pairs).join(found.drop("grade"), on=PAIR, how="inner", maintain_order="left")

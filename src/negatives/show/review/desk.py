"""What lies before the reviewers: who judges which pair next, and what they have said.

One thread works here. All that must outlive the process is in the run's reviews: after a kill the
same state is made from them, but for who was looking at which pair.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from negatives.errors import NegativesError
from negatives.run.asking import Questions, picks_of, questions
from negatives.run.reviews import (
    GRADES,
    RETRACTED,
    Order,
    ReviewFile,
    Said,
    Verdict,
    now,
)
from negatives.store.manifest import NAME as MANIFEST
from negatives.store.run import Run

Pair = tuple[str, str]
LEASE: Final = 600.0
"""Seconds for which nobody else is asked about a pair that somebody is looking at."""


@dataclass
class Tab:
    """A page that is open: whose it is, and the pair on it."""

    reviewer: str
    order: Order
    pair: Pair | None = None
    until: float = 0.0


@dataclass(frozen=True)
class Sample:
    """What the random order has shown: decided pairs, those relevant, and those nobody can tell."""

    judged: int = 0
    relevant: int = 0
    unsure: int = 0


class Desk:
    """The questions of a run, in both orders, and its reviews, followed as they grow.

    `twice`: which share of the pairs two reviewers are asked about, where there are several.
    """

    def __init__(
        self, run: Run, twice: float = 0.1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.run = run
        self.file = ReviewFile(run.path)
        self.tabs: dict[str, Tab] = {}
        self.verdicts: dict[Pair, dict[str, Verdict]] = {}
        self.version = 0
        """Changes with every verdict."""
        self._every = round(1 / twice) if twice else 0
        self._clock = clock
        self._done: Counter[str] = Counter()
        self._history: dict[str, list[Pair]] = {}
        self._names: dict[str, Pair] = {}
        self._rows: dict[Pair, tuple[pl.DataFrame, int]] = {}
        self._seen: dict[tuple[str, Order], int] = {}
        self._skipped: dict[tuple[str, Order], set[Pair]] = {}
        self._stamp = _stamp(run)
        self._lay_out(questions(run))
        self.catch_up()

    def catch_up(self) -> None:
        """Take in what others have written, and other negatives where they were picked again."""
        stamp = _stamp(self.run)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                found = Run(self.run.path, collection=self.run.at_hand)
                if picks_of(found) != self.questions.picks:
                    found.compared = self.run.compared
                    self._lay_out(questions(found))
                    self.run = found
            except NegativesError:
                self._stamp = (0, 0)  # it is being written: look again
        for verdict in self.file.news():
            self._take(verdict)

    def name(self, pair: Pair) -> str:
        """A short name of a pair, by which a page refers to it."""
        return hashlib.blake2b("\0".join(pair).encode(), digest_size=8).hexdigest()

    def named(self, name: str) -> Pair | None:
        """The pair of a name; None where the run has asked no such question."""
        return self._names.get(name)

    def row(self, pair: Pair) -> dict[str, Any]:
        """Its row of the ledger."""
        frame, place = self._rows[pair]
        return frame.row(place, named=True)

    def opened(self, tab: str, reviewer: str, order: Order) -> Tab:
        """The tab of a name; a new one where there is none, or it was another reviewer's."""
        found = self.tabs.get(tab)
        if found is None or found.reviewer != reviewer:
            found = self.tabs[tab] = Tab(reviewer, order)
        if found.order != order:
            found.order, found.pair = order, None
        return found

    def shown(self, tab: Tab) -> Pair | None:
        """The pair that a tab shows: the one it has, or the next; None where all are judged."""
        mine = None if tab.pair is None else self.verdicts.get(tab.pair, {}).get(tab.reviewer)
        if tab.pair is None or mine is not None:
            tab.pair = self._next(tab)
        tab.until = self._clock() + LEASE
        return tab.pair

    def judge(self, tab: Tab, pair: Pair, said: Said, note: str, picks: str = "") -> Verdict:
        """Write a verdict; it is on disk when this returns."""
        verdict = self._verdict(tab, pair, said, note, picks or self.questions.picks)
        self._write(verdict)
        tab.pair = None
        return verdict

    def undo(self, tab: Tab) -> Pair | None:
        """Take back the reviewer's last verdict, and show that pair again; None: there is none."""
        history = self._history.get(tab.reviewer, [])
        while history and tab.reviewer not in self.verdicts.get(history[-1], {}):
            history.pop()
        if not history or history[-1] not in self._rows:
            return None
        pair = history[-1]
        old = self.verdicts[pair][tab.reviewer]
        self._write(self._verdict(tab, pair, RETRACTED, "", old.picks, old.order))
        tab.pair = pair
        return pair

    def skip(self, tab: Tab, pair: Pair) -> None:
        """Ask about a pair again when all others are judged."""
        self._skipped.setdefault((tab.reviewer, tab.order), set()).add(pair)
        tab.pair = None

    def sample(self) -> Sample:
        """What the random order has shown so far.

        All that was judged of what comes first in it counts, in whatever order it was judged.
        """
        counts = {True: 0, False: 0, None: 0}
        for pair in self._queue("random")[: self._furthest + 1]:
            if given := self.verdicts.get(pair):
                counts[relevant(given)] += 1
        return Sample(counts[True] + counts[False], counts[True], counts[None])

    def done(self, reviewer: str) -> int:
        """Pairs that a reviewer has judged."""
        return self._done[reviewer]

    @property
    def reviewers(self) -> list[str]:
        """Everybody whose verdicts stand."""
        return sorted(name for name, count in self._done.items() if count)

    def standing(self) -> list[Verdict]:
        """Every verdict that counts."""
        return [verdict for given in list(self.verdicts.values()) for verdict in given.values()]

    def rows(self, pairs: list[Pair]) -> pl.DataFrame:
        """Rows of the ledger of those pairs that are at hand."""
        found = [self._rows[pair] for pair in pairs if pair in self._rows]
        columns = self.questions.judged.columns
        frames = [self.questions.judged.clear().drop("relevant", "grade")]
        for frame in {id(frame): frame for frame, _ in found}.values():
            places = [place for each, place in found if each is frame]
            frames.append(frame[places].select(name for name in frame.columns if name in columns))
        return pl.concat(frames, how="diagonal")

    def _lay_out(self, found: Questions) -> None:
        self.questions = found
        self._orders: dict[str, list[Pair]] = {}
        for name in ("judged", "active", "random"):
            frame: pl.DataFrame = getattr(found, name)
            pairs = list(frame.select("query_id", "doc_id").iter_rows())
            self._orders[name] = pairs
            for place, pair in enumerate(pairs):
                self._rows[pair] = (frame, place)
                self._names[self.name(pair)] = pair
        self._places = {pair: place for place, pair in enumerate(self._orders["random"])}
        self._furthest = max((self._place(each) for each in self.standing()), default=-1)
        self._seen.clear()
        for tab in self.tabs.values():
            tab.pair = None

    def _queue(self, order: Order) -> list[Pair]:
        return self._orders["random" if order == "random" else "active"]

    def _next(self, tab: Tab) -> Pair | None:
        queue, key = self._queue(tab.order), (tab.reviewer, tab.order)
        skipped = self._skipped.setdefault(key, set())
        others = [
            each
            for each in self.tabs.values()
            if each is not tab and each.pair is not None and each.until > self._clock()
        ]
        taken = Counter(each.pair for each in others)
        mine = {each.pair for each in others if each.reviewer == tab.reviewer}
        several = len({*self.reviewers, *(each.reviewer for each in self.tabs.values())}) > 1
        first = self._seen.get(key, 0)
        begun = True
        for place in range(first, len(queue)):
            pair = queue[place]
            given = self.verdicts.get(pair, {})
            wanted = 2 if several and self._every and place % self._every == 0 else 1
            over = tab.reviewer in given or len(given) >= wanted
            if over and begun:
                self._seen[key] = place + 1
            begun = begun and over
            if over or pair in skipped or pair in mine:
                continue
            if len(given) + taken[pair] < wanted:
                return pair
        if skipped:
            skipped.clear()
            return self._next(tab)
        return None

    def _verdict(
        self,
        tab: Tab,
        pair: Pair,
        said: Any,
        note: str,
        picks: str,
        order: Order | None = None,
    ) -> Verdict:
        row = self.row(pair)
        return Verdict(
            query_id=pair[0],
            doc_id=pair[1],
            verdict=said,
            reviewer=tab.reviewer,
            time=now(),
            order=tab.order if order is None else order,
            picks=picks,
            p=None if row["p_relevant"] is None else round(row["p_relevant"], 6),
            position=row.get("position"),
            note=note,
        )

    def _write(self, verdict: Verdict) -> None:
        self.file.append([verdict])
        for each in self.file.news():
            self._take(each)

    def _take(self, verdict: Verdict) -> None:
        pair = (verdict.query_id, verdict.doc_id)
        given = self.verdicts.setdefault(pair, {})
        self.version += 1
        if verdict.verdict == RETRACTED:
            self._done[verdict.reviewer] -= given.pop(verdict.reviewer, None) is not None
            self._seen.clear()
            self._furthest = max((self._place(each) for each in self.standing()), default=-1)
            return
        self._done[verdict.reviewer] += verdict.reviewer not in given
        given[verdict.reviewer] = verdict
        self._history.setdefault(verdict.reviewer, []).append(pair)
        self._furthest = max(self._furthest, self._place(verdict))

    def _place(self, verdict: Verdict) -> int:
        """The place of a pair in the random order, where it was judged in it; else -1."""
        if verdict.order != "random" or verdict.picks != self.questions.picks:
            return -1
        return self._places.get((verdict.query_id, verdict.doc_id), -1)


def relevant(given: dict[str, Verdict]) -> bool | None:
    """What the verdicts on a pair say together; None where nobody can tell. See `settled`."""
    said = [GRADES[each.verdict] > 0 for each in given.values() if each.verdict in GRADES]
    return None if not said else 2 * sum(said) >= len(said)


def _stamp(run: Run) -> tuple[int, int]:
    try:
        found = (run.path / MANIFEST).stat()
    except OSError:
        return (0, 0)
    return (found.st_ino, found.st_mtime_ns)

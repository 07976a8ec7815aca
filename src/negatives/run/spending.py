"""What a costly judge may cost: a budget of pairs, calls or tokens, and how it is kept to."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

import numpy as np
import polars as pl

from negatives.arrays import Floats, Rows
from negatives.errors import InputError
from negatives.events import Event, Progress
from negatives.opening import Foreseen
from negatives.run.account import Account

Unit = Literal["pairs", "calls", "tokens"]

_WRITTEN: Final = re.compile(r"(-?\d+)\s*([kM]?)(?:[-\s]?(pair|call|token)s?)?", re.IGNORECASE)
_TIMES: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_EXAMPLES: Final[Mapping[Unit, str]] = {
    "pairs": "write 500 (pairs), 500-calls or 200k-tokens; without a budget all are judged",
    "calls": "write 500 (questions), 500-calls or 200k-tokens; without a budget all are asked",
}
SAMPLE: Final = 64
"""Pairs whose cost says how many a budget is for."""
_FIRST: Final = 16
"""Pairs judged before it is known how far their foreseen cost is from the true one,"""
_DOUBT: Final = 2.0
"""and by how much it may be too low until then."""
_TOGETHER: Final = 1024


@dataclass(frozen=True)
class Budget:
    """What may be spent, at most.

    >>> Budget.read("200k-tokens")
    Budget(most=200000, unit='tokens')
    >>> Budget.read(500).told
    500
    """

    most: int
    unit: Unit = "pairs"

    @classmethod
    def read(cls, said: int | str, plain: Unit = "pairs") -> Budget:
        """From what a user says, a number alone being of `plain`; raises `InputError`."""
        found = _WRITTEN.fullmatch(str(said).strip())
        if found is None:
            raise InputError(f"{str(said)!r} is no budget", fix=_EXAMPLES[plain])
        number, times, unit = found.groups()
        units: dict[str, Unit] = {"pair": "pairs", "call": "calls", "token": "tokens"}
        meant = units[(unit or plain.removesuffix("s")).lower()]
        made = cls(int(number) * _TIMES[times.lower()], meant)
        if made.most < 1:
            raise InputError(
                f"a budget of {made.most} {made.unit}", fix="give at least 1, or none for all"
            )
        return made

    @property
    def told(self) -> int | str:
        """As a user would write it: a number of pairs, or a number with its unit."""
        return self.most if self.unit == "pairs" else f"{self.most}-{self.unit}"

    def of(self, cost: Foreseen) -> int:
        """What a cost takes of it."""
        return cost.read + cost.written if self.unit == "tokens" else cost.asked


@runtime_checkable
class Billed(Protocol):
    """A ruling that can tell what asking costs before it asks, and counts what it has cost."""

    @property
    def answered(self) -> int:
        """Questions that have an answer so far, those that were known too."""
        ...

    @property
    def tokens(self) -> int:
        """Tokens of those."""
        ...

    def foresee(self, query: Rows, doc: Rows, *, anew: bool = False) -> Foreseen:
        """What `score` of these pairs would cost, at most; `anew`: if no reply was known."""
        ...


def affordable(ruling: Billed, pairs: pl.DataFrame, budget: Budget) -> int:
    """How many pairs a budget of calls or tokens is for, by what some of them (query, doc) cost."""
    some = pairs.head(SAMPLE)
    cost = ruling.foresee(some["query"].to_numpy(), some["doc"].to_numpy(), anew=True)
    each = budget.of(cost) / max(1, len(some))
    if budget.most < each:
        raise InputError(
            f"a budget of {budget.told} is not enough for one pair, which takes "
            f"{each:,.0f} {budget.unit}",
            fix="give more, or show less: characters, positives, tokens",
        )
    return int(budget.most / each)


def spent(
    ruling: Billed,
    score: Callable[[Rows, Rows], Floats],
    pairs: pl.DataFrame,
    budget: Budget,
) -> Floats:
    """float32[m]: scores of the first m of `pairs` (query, doc), as many as the budget is for.

    What is known already counts as if it was asked now, so that what is judged depends on the
    budget and the pairs alone. Tokens are foreseen by the length of texts, and nobody knows how
    many a server will count: each part is small enough that twice as many are still there.
    """
    query, doc = pairs["query"].to_numpy(), pairs["doc"].to_numpy()
    unsure, foreseen, start, step = budget.unit == "tokens", 0.0, 0, _FIRST
    made = [np.empty(0, np.float32)]

    def used() -> int:
        return ruling.tokens if unsure else ruling.answered

    while start < len(pairs):
        left = budget.most - used()
        error = _DOUBT if not foreseen else used() / foreseen
        stop = min(start + step, len(pairs))
        while True:
            cost = budget.of(ruling.foresee(query[start:stop], doc[start:stop], anew=True))
            wanted = cost * error * (1.5 if stop == start + 1 else _DOUBT) if unsure else cost
            if wanted <= left or stop == start + 1:
                break
            stop = start + (stop - start) // 2
        if wanted > left:
            break
        made.append(score(query[start:stop], doc[start:stop]))
        foreseen, start, step = foreseen + cost, stop, _TOGETHER
    return np.concatenate(made)


class Bill:
    """Passes on what a judge says, and keeps what it has spent in the manifest as it goes on.

    So that a process that is killed has told its cost, but for the last second's.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._kept = dict(account.manifest.cost)
        self._at = time.monotonic()

    def hear(self, event: Event) -> None:
        """Progress is told by the thread that waits for the others, which may save."""
        self._account.hear(event)
        if not isinstance(event, Progress) or self._kept == self._account.manifest.cost:
            return
        if event.done == event.total or time.monotonic() > self._at + _OFTEN:
            self._account.save()
            self._kept, self._at = dict(self._account.manifest.cost), time.monotonic()


_OFTEN: Final = 1.0
"""Seconds between two savings of what was spent."""

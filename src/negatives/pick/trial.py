"""What would be picked from a ledger at one price or another, and what that would cost.

A pair's worth at a price is hardness - price x p_relevant; the worthiest of each query are picked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.estimation import ENDS
from negatives.pick.best import Lists
from negatives.schema import JUDGED_NEGATIVE, KEPT, POSITIVE, Bools, Doubles

SKIPPED: Final = 30
"""The rank window that a compromise is measured by takes the candidates after so many."""
_PAIRS = 400_000  # of the ledger, by whole queries drawn by hash, that the price is found on
_STEPS = 24
_PRICES = (-2.0, 4.0)  # powers of ten between which a price is sought
_COLUMNS = ("query_id", "sources", "verdict", "hardness", "p_relevant")


def sampled(parts: Sequence[Path]) -> pl.DataFrame:
    """Pairs that could be picked, or were proposed and are known positives; whole queries."""
    scans = [pl.scan_parquet(path, glob=False) for path in parts]
    there = scans[0].collect_schema().names()
    columns = [*_COLUMNS, *(name for name in ENDS if name in there)]
    count = sum(scan.select(pl.len()).collect().item() for scan in scans)
    kept = pl.col("verdict").is_in(KEPT)
    proposed = (pl.col("verdict") == POSITIVE) & (pl.col("sources").list.len() > 0)
    found = []
    for scan in scans:
        queries = scan.select(pl.col("query_id").rle().struct.field("value")).collect().to_series()
        draw = uniforms(id_hashes(queries), stream_key(0, "pick/risk-limited"))
        drawn = queries.filter(pl.Series(draw * count < _PAIRS))
        # The reader leaves out what is not drawn, so that little of a part is ever held.
        rows = scan.select(columns).filter(pl.col("query_id").is_in(drawn.implode()))
        found.append(rows.filter(kept | proposed).drop("sources").collect())
    return pl.concat(found)


@dataclass(frozen=True)
class Trial:
    """Pairs in query order, with what is needed to pick among them at any price.

    `query` numbers the queries from 0, and `lists` says how many pairs each has; `known` are known
    positives, which are never picked; `may` whether a pair is safe enough to be. `ends`: p_relevant
    over the label rate, one array for each of `ENDS`; none where it is not known. `false` is the
    sum of p over the pairs without a label.
    """

    query: NDArray[np.uint32]
    lists: Lists
    hardness: Doubles
    p: Doubles
    known: Bools
    may: Bools
    ends: tuple[Doubles, ...]
    per_query: int
    false: float

    @staticmethod
    def of(ledger: pl.DataFrame, per_query: int, max_p: float) -> Trial:
        """From rows of a ledger, in its order, as `sampled` gives them."""
        judged = pl.col("verdict") == JUDGED_NEGATIVE
        ends = [name for name in ENDS if name in ledger.columns]
        rows = ledger.filter(pl.col("hardness").is_not_null()).with_columns(
            pl.when(judged)
            .then(0.0)
            .otherwise(pl.col(name).cast(pl.Float64).fill_null(0.0))
            .alias(name)
            for name in ("p_relevant", *ends)
        )
        p = rows["p_relevant"].to_numpy()
        known = (rows["verdict"] == POSITIVE).to_numpy()
        query = rows["query_id"].rle_id().to_numpy()
        return Trial(
            query,
            Lists.of(np.bincount(query)),
            rows["hardness"].cast(pl.Float64).to_numpy(),
            p,
            known,
            p <= max_p,
            tuple(rows[name].to_numpy() for name in ends),
            per_query,
            float(p[~known].sum()),
        )

    def picked(self, price: float) -> NDArray[np.intp]:
        """Places of what is picked at a price."""
        return self._taken(self.hardness - price * self.p, 0)

    def at(self, price: float) -> dict[str, Any]:
        """What is picked at a price: how many, how hard, which share is false by each estimate."""
        worth = self.hardness - price * self.p
        picked = self._taken(worth, 0)
        lowest = np.full(len(self.lists.lengths), np.inf)
        np.minimum.at(lowest, self.query[picked], worth[picked])
        known = np.flatnonzero(self.known)
        leaking = self.may[known] & (worth[known] >= lowest[self.query[known]])
        leaks = int(leaking.sum())
        # One more than there were: no leak among ten known positives is not a leak rate of nothing.
        rate = (leaks + 1) / (len(known) + 1)
        return {
            "picked": len(picked),
            "hardness": float(self.hardness[picked].mean()) if len(picked) else None,
            "expected": float(self.p[picked].mean()) if len(picked) else 0.0,
            "expected by leaks": min(1.0, rate * self.false / max(len(picked), 1)),
            "known positives": len(known),
            "of them picked if unlabelled": leaks,
        }

    def over_the_label_rate(self, price: float) -> tuple[float, ...]:
        """The expected share of false ones for each of `ENDS`; none where it is not known."""
        picked = self.picked(price)
        return tuple(float(p[picked].mean()) for p in self.ends) if len(picked) else ()

    def window(self) -> float | None:
        """Mean hardness of the rank window: as many as are picked, after the `SKIPPED` hardest.

        However probably relevant they are, for a rank window does not know. Of a query with fewer
        candidates, the last ones.
        """
        taken = replace(self, may=np.ones_like(self.may))._taken(self.hardness, SKIPPED)
        return float(self.hardness[taken].mean()) if len(taken) else None

    def _taken(self, worth: Doubles, skip: int) -> NDArray[np.intp]:
        """The `per_query` worthiest of each query, after so many."""
        can = self.may & ~self.known
        lowest = self.lists.nth_highest(np.where(can, worth, -np.inf), self.per_query + skip)
        # What is below cannot be taken: only the rest need be put in order.
        places = np.flatnonzero(can & ~(worth < lowest[self.query]))
        order = places[np.lexsort((-worth[places], self.query[places]))]
        query = self.query[order]
        begins = np.flatnonzero(np.diff(query, prepend=-1))
        counts = np.diff(np.append(begins, len(order)))
        place = np.arange(len(order)) - np.repeat(begins, counts)
        first = np.repeat(np.minimum(skip, np.maximum(counts - self.per_query, 0)), counts)
        return order[(place >= first) & (place < first + self.per_query)]

    def between(self, low: float, high: float) -> Trial:
        """Only the pairs that can matter at a price from `low` to `high`.

        A pair is worth no more than at the lowest price, and no less than at the highest. One that
        is at its best below so many as are picked at their worst is never picked.
        """
        can = self.may & ~self.known
        worst = np.where(can, self.hardness - high * self.p, -np.inf)
        lowest = self.lists.nth_highest(worst, self.per_query)
        best = self.hardness - low * self.p
        left = self.known | (can & ~(best < lowest[self.query]))
        query = self.query[left]
        return replace(
            self,
            query=query,
            lists=Lists.of(np.bincount(query, minlength=len(self.lists.lengths))),
            hardness=self.hardness[left],
            p=self.p[left],
            known=self.known[left],
            may=self.may[left],
            ends=tuple(end[left] for end in self.ends),
        )

    def cheapest(self, max_false: float, *, leaks_count: bool) -> float:
        """The lowest price at which the expected share is at most `max_false`.

        With `leaks_count`, by what becomes of the known positives that are put back, too.
        """

        def holds(trial: Trial, price: float) -> bool:
            found = trial.at(price)
            # Where not one leaks, a higher price can do no better, however few there were.
            counts = leaks_count and found["of them picked if unlabelled"]
            by_leaks = found["expected by leaks"] if counts else 0.0
            return bool(max(found["expected"], by_leaks) <= max_false)

        return self._border(holds)[1]

    def dearest(self, hardness: float) -> float:
        """The highest price at which what is picked is at least so hard on average."""

        def easier(trial: Trial, price: float) -> bool:
            picked = trial.picked(price)
            return not len(picked) or float(trial.hardness[picked].mean()) < hardness

        return self._border(easier)[0]

    def _border(self, holds: Callable[[Trial, float], bool]) -> tuple[float, float]:
        """The neighbouring prices between which something begins to hold, by bisection.

        It must hold at all prices above one at which it holds. Both are 0 where it holds at 0, and
        the highest price that is tried where it never does.
        """
        if holds(self, 0.0):
            return 0.0, 0.0
        low, high = _PRICES
        if not holds(self, 10**high):
            return 10**high, 10**high
        trial = self
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if holds(trial, 10**middle) else (middle, high)
            trial = trial.between(10**low, 10**high)
        return float(10**low), float(10**high)

"""Risk-limited: as hard as possible, with at most so many of them false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.pick.top import first
from negatives.schema import JUDGED_NEGATIVE, KEPT, POSITIVE
from negatives.stage import Picker, Share

Doubles = NDArray[np.float64]

_PAIRS = 400_000  # of the ledger, by whole queries drawn by hash, that the price is found on
_STEPS = 24
_PRICES = (-2.0, 4.0)  # powers of ten between which the price is sought
_COLUMNS = ("query_id", "doc_id", "sources", "verdict", "hardness", "p_relevant")


class RiskLimited(Picker, kind="risk-limited"):
    """Hardest first, at a price: ordered by hardness - price x p_relevant.

    The price is the lowest at which the expected share of false negatives over the run is at most
    `max_false`, by two estimates: the mean of p_relevant over what is picked; and what becomes of
    the known positives when each is put back among the candidates as if nobody had labelled it (the
    share that is picked, times the false ones there are to pick). Where p_relevant is not known,
    the hardest below the query's lowest positive are picked, and no share is promised.
    """

    max_false: Annotated[Share, Meta(description="expected share of false negatives, at most")] = (
        0.05
    )
    max_p: Annotated[Share, Meta(description="never a pair more probably relevant than this")] = 1.0
    price: Annotated[
        float, Meta(ge=0, description="hardness given up for one false negative less; 0: found")
    ] = 0.0

    def tuned(self, parts: Sequence[Path]) -> tuple[Picker, dict[str, Any]]:
        """With the price found on the ledger, and what is expected of it."""
        ledger = _sample(parts)
        if ledger["p_relevant"].null_count() == len(ledger):
            return self, {"warning": _UNKNOWN} if len(ledger) else {}
        trial = _Trial.of(ledger, self.per_query, self.max_p)
        price = self.price or trial.cheapest(self.max_false)
        found = trial.at(price)
        told: dict[str, Any] = {"price": price, "asked": self.max_false, **found}
        if max(found["expected"], found["expected by leaks"]) > self.max_false:
            told["warning"] = (
                f"at most {self.max_false:.1%} false were asked for, and the safest choice of "
                f"{self.per_query} a query still has {found['expected']:.1%} by p_relevant and "
                f"{found['expected by leaks']:.1%} by the known positives: ask for fewer a query, "
                "raise `top` of the sources, or set max_p"
            )
        return msgspec.structs.replace(self, price=price), told

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Highest worth first; ties by doc_id."""
        return first(self.ranked(rows), self.per_query)

    def ranked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that may be picked, in that order."""
        judged = pl.col("verdict") == JUDGED_NEGATIVE
        p = pl.when(judged).then(0.0).otherwise(pl.col("p_relevant").cast(pl.Float64))
        hardness = pl.col("hardness").cast(pl.Float64)
        valued = rows.with_columns(
            _worth=hardness - self.price * p.fill_null(0.0),
            _above=(hardness >= 0) & p.is_null(),
        )
        return (
            valued.filter(p.fill_null(0.0) <= self.max_p)
            .sort(
                "query_id",
                "_above",
                "_worth",
                "doc_id",
                descending=[False, False, True, False],
                nulls_last=True,
            )
            .drop("_worth", "_above")
        )


_UNKNOWN = (
    "p_relevant is not known, so no share of false negatives is promised: the hardest below the "
    "query's lowest positive are picked"
)


def _sample(parts: Sequence[Path]) -> pl.DataFrame:
    """Pairs that could be picked, or were proposed and are known positives; whole queries."""
    scan = pl.scan_parquet(list(parts)).select(_COLUMNS)
    count = scan.select(pl.len()).collect(engine="streaming").item()
    kept = pl.col("verdict").is_in(KEPT)
    proposed = (pl.col("verdict") == POSITIVE) & (pl.col("sources").list.len() > 0)
    found = []
    for path in parts:
        part = pl.read_parquet(path, columns=list(_COLUMNS)).filter(kept | proposed)
        draw = uniforms(id_hashes(part["query_id"]), stream_key(0, "pick/risk-limited"))
        found.append(part.filter(pl.Series(draw * count < _PAIRS)).drop("sources"))
    return pl.concat(found)


@dataclass(frozen=True)
class _Trial:
    """Pairs in query order, with what is needed to pick among them at any price."""

    query: NDArray[np.int64]
    hardness: Doubles
    p: Doubles
    known: NDArray[np.bool_]
    per_query: int

    @staticmethod
    def of(ledger: pl.DataFrame, per_query: int, max_p: float) -> _Trial:
        rows = ledger.sort("query_id", "doc_id").with_columns(
            pl.when(pl.col("verdict") == JUDGED_NEGATIVE)
            .then(0.0)
            .otherwise(pl.col("p_relevant"))
            .cast(pl.Float64)
            .fill_null(0.0)
            .alias("p")
        )
        rows = rows.filter(pl.col("hardness").is_not_null() & (pl.col("p") <= max_p))
        query = rows["query_id"].rle_id().to_numpy().astype(np.int64)
        return _Trial(
            query,
            rows["hardness"].cast(pl.Float64).to_numpy(),
            rows["p"].to_numpy(),
            (rows["verdict"] == POSITIVE).to_numpy(),
            per_query,
        )

    def at(self, price: float) -> dict[str, Any]:
        """What is picked at a price: how many, how hard, which share is false by each estimate."""
        worth = self.hardness - price * self.p
        order = np.lexsort((-worth, self.query))
        order = order[~self.known[order]]
        query = self.query[order]
        begins = np.flatnonzero(np.diff(query, prepend=-1))
        place = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
        picked = order[place < self.per_query]
        bar = np.full(int(self.query.max(initial=-1)) + 1, np.inf)
        np.minimum.at(bar, self.query[picked], worth[picked])
        known = np.flatnonzero(self.known)
        leaks = int((worth[known] >= bar[self.query[known]]).sum())
        # One more than there were: no leak among ten known positives is not a leak rate of nothing.
        rate = (leaks + 1) / (len(known) + 1)
        false = float(self.p[~self.known].sum())
        return {
            "picked": len(picked),
            "hardness": float(self.hardness[picked].mean()) if len(picked) else None,
            "expected": float(self.p[picked].mean()) if len(picked) else 0.0,
            "expected by leaks": min(1.0, rate * false / max(len(picked), 1)),
            "known positives": len(known),
            "of them picked if unlabelled": leaks,
        }

    def cheapest(self, max_false: float) -> float:
        """The lowest price at which neither estimate is above `max_false`, by bisection."""

        def holds(price: float) -> bool:
            found = self.at(price)
            # Where not one leaks, a higher price can do no better, however few there were.
            by_leaks = found["expected by leaks"] if found["of them picked if unlabelled"] else 0.0
            return bool(max(found["expected"], by_leaks) <= max_false)

        if holds(0.0):
            return 0.0
        low, high = _PRICES
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if holds(10**middle) else (middle, high)
        return float(10**high)

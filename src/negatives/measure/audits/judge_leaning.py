"""How far a judge's share of yes moves, and to which side it leans, with intervals over queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Doubles, Floats, Places, Rows
from negatives.measure.audits.judge_ways import FEWEST
from negatives.measure.audits.rates import both_ends
from negatives.measure.estimate import rounded
from negatives.measure.flips import Flips
from negatives.stats.bootstrap import interval
from negatives.stats.bounds import Clusters

LABELS: Final = "than the labels say"


@dataclass(frozen=True)
class Moved:
    """How much a way of asking moves the share of yes: `value` between `low` and `high`."""

    way: str
    value: float
    low: float
    high: float
    flips: Flips | None = None

    @property
    def surely(self) -> float:
        """The smallest move, to either side, that is not ruled out."""
        return max(self.low, -self.high, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; the shares of answers that flip, and McNemar's p."""
        made: dict[str, Any] = {
            name: rounded(getattr(self, name)) for name in ("value", "low", "high")
        }
        if self.flips is not None:
            made |= {"flips": rounded(self.flips.share), "p": rounded(self.flips.p)}
        return made


def moved_by(
    way: str,
    before: Doubles,
    after: Doubles,
    owner: Rows | Places,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Moved:
    """The mean of `after` less `before`, float64[pairs] in 0 to 1, by queries of `owner`.

    Queries count alike, and the interval is over them: pairs of one are alike.
    """
    names, place = np.unique(owner, return_inverse=True)
    by_query = np.bincount(place, after - before) / np.bincount(place, minlength=len(names))
    found = interval(by_query, confidence=confidence, seed=seed)
    low, high = (found.value if end is None else end for end in (found.low, found.high))
    flips = Flips.of((before > 0.5).tolist(), (after > 0.5).tolist())
    return Moved(way, found.value, low, high, flips)


@dataclass(frozen=True)
class Rates:
    """How often a judge says yes, counted by query: to relevant pairs, and to others."""

    relevant: Clusters
    others: Clusters

    @classmethod
    def of(cls, score: Floats, split: float, relevant: Bools, owner: Rows | Places) -> Rates:
        """Of scores, float32[pairs], that mean yes above `split`; NaN is left out."""
        table = pl.DataFrame({"owner": owner, "relevant": relevant, "yes": score > split})
        table = table.filter(~np.isnan(score))
        return cls(*(yeses(table.filter(pl.col("relevant") == each)) for each in (True, False)))

    def told(self, clusters: Clusters, confidence: float) -> list[float | None]:
        """A rate with its ends."""
        low, high = both_ends(clusters, (1 + confidence) / 2)
        return [rounded(clusters.rate), rounded(low), rounded(high)]

    def as_dict(self, confidence: float) -> dict[str, Any]:
        """Both rates with their ends, and the negative bias, where there are queries enough."""
        if not self.enough:
            return {}
        return {
            "says yes to relevant": self.told(self.relevant, confidence),
            "says yes to others": self.told(self.others, confidence),
            "negative bias": rounded(self.negative_bias),
        }

    @property
    def negative_bias(self) -> float:
        """The recall of no less that of yes: above 0 the judge says no too readily."""
        return 1 - self.others.rate - self.relevant.rate

    @property
    def enough(self) -> bool:
        """Whether there are queries enough of either sort to say something of."""
        return min(self.relevant.clusters, self.others.clusters) >= FEWEST

    def leaning(self, confidence: float, at_once: int) -> Moved:
        """The share of yes of as many relevant pairs as others, less a half.

        Above 0 the judge says yes too readily: it is half of `negative_bias`, turned round. Its
        interval, as one of several `at_once`, puts those of both rates together (Zou and Donner
        2008: the square root of the squares' sum).
        """
        sure = 1 - (1 - confidence) / (2 * at_once)
        rates = np.array([self.relevant.rate, self.others.rate])
        ends = np.array([both_ends(each, sure) for each in (self.relevant, self.others)])
        down, up = np.linalg.norm(ends - rates[:, None], axis=0) / 2
        value = -self.negative_bias / 2
        return Moved(LABELS, value, value - float(down), value + float(up))


def apart(way: str, one: Moved, other: Moved) -> Moved:
    """How much more `one` leans than `other`, of other queries (Zou and Donner, as above)."""
    value = one.value - other.value
    down = np.hypot(one.value - one.low, other.high - other.value)
    up = np.hypot(one.high - one.value, other.value - other.low)
    return Moved(way, value, value - float(down), value + float(up))


def yeses(table: pl.DataFrame) -> Clusters:
    """`yes`, counted by `owner`."""
    counted = table.group_by("owner").agg(
        events=pl.col("yes").sum().cast(pl.Int64), trials=pl.len().cast(pl.Int64)
    )
    return Clusters.of(counted["events"].to_numpy(), counted["trials"].to_numpy())

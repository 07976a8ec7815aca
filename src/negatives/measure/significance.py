"""Whether one model is better than another on the same queries, or only seems so.

Models are compared query by query: what is tested is the mean of the differences. Where a model was
trained with several seeds, its values are averaged over the seeds of each query first, and the
test is over queries. Counting every (seed, query) as a trial of its own would pass off the same
queries as new ones, and make anything significant. What the averaging hides, how much of a
difference is due to the seed, is told by `seed_spread`: a difference that is small beside it may
be luck of training, however sure it is for these very models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.card import Card, Showing
from negatives.chance import mix, stream_key
from negatives.errors import InputError
from negatives.measure.estimate import rounded
from negatives.stats.bootstrap import Interval, interval

EXACT: Final = 16
"""Up to so many queries with a difference every way to flip them is tried: 65,536."""
TRIALS: Final = 9999
_AT_ONCE: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class SignFlip:
    """How likely a difference as large is by chance alone; `exact`: every way was tried."""

    p: float
    exact: bool
    trials: int


@dataclass(frozen=True, slots=True)
class Comparison(Showing):
    """The first less the second, over queries. `dz`: the mean difference over its deviation.

    `dz` (Cohen) is None where all differences are the same; `better`, `worse`, `same`: queries.
    """

    queries: int
    difference: Interval
    test: SignFlip
    dz: float | None
    better: int
    worse: int

    def __repr__(self) -> str:
        return (
            f"Comparison({self._told}, p = {self.test.p:.4f}; {self.better:,} of "
            f"{self.queries:,} queries better, {self.worse:,} worse)"
        )

    @property
    def _told(self) -> str:
        """The difference with its interval."""
        span = self.difference
        if span.low is None or span.high is None:
            return f"{span.value:+.4f}"
        return f"{span.value:+.4f}, {span.low:+.4f} to {span.high:+.4f}"

    def card(self) -> Card:
        """What it says to a person."""
        same = self.queries - self.better - self.worse
        rows = (
            ("difference", self._told),
            ("p", f"{self.test.p:.4f} ({'exact' if self.test.exact else 'drawn'}, sign flips)"),
            ("queries", f"{self.better:,} better, {self.worse:,} worse, {same:,} the same"),
        )
        return Card("the first less the second", rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, JSON-able."""
        return {
            "queries": self.queries,
            "difference": rounded(self.difference.value),
            "low": rounded(self.difference.low),
            "high": rounded(self.difference.high),
            "p": rounded(self.test.p),
            "exact": self.test.exact,
            "trials": self.test.trials,
            "dz": rounded(self.dz),
            "better": self.better,
            "worse": self.worse,
            "same": self.queries - self.better - self.worse,
        }


def compare(
    ours: pl.DataFrame | Sequence[pl.DataFrame],
    theirs: pl.DataFrame | Sequence[pl.DataFrame],
    metric: str,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two models by frames of `query_id` and `metric`, one for each seed of training.

    Raises `InputError` where the frames are not of the same queries.
    """
    left, right = _by_query(ours, metric), _by_query(theirs, metric)
    if not left["query_id"].equals(right["query_id"]):
        apart = len(set(left["query_id"]) ^ set(right["query_id"]))
        raise InputError(
            f"the two models were not evaluated on the same queries: {apart:,} are of one only",
            fix="evaluate both on the same DATA@SPLIT, with the same protocol",
        )
    differences = left[metric].to_numpy() - right[metric].to_numpy()
    deviation = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return Comparison(
        queries=len(differences),
        difference=interval(differences, confidence=confidence, seed=seed),
        test=sign_flip(differences, seed=seed),
        dz=float(differences.mean()) / deviation if deviation else None,
        better=int((differences > 0).sum()),
        worse=int((differences < 0).sum()),
    )


def sign_flip(differences: Doubles, *, seed: int = 0, trials: int = TRIALS) -> SignFlip:
    """The paired randomisation test of float64[queries] differences, two-sided (Fisher, 1935).

    If it did not matter which model gave which value, every difference could as well have the
    other sign: p is the share of such worlds whose mean is as far from 0. Exact for up to `EXACT`
    differences that are not 0; else of `trials` worlds drawn by `seed`, the observed one among
    them, so that p is never 0 and never too small on average (Phipson and Smyth, 2010).
    """
    sizes = np.abs(differences[differences != 0])
    seen = abs(float(differences.sum()))
    least = seen - 1e-12 * float(sizes.sum())  # sums of the same numbers, added in another order
    if len(sizes) <= EXACT:
        sums = np.zeros(1)
        for size in sizes.tolist():
            sums = np.concatenate([sums + size, sums - size])
        return SignFlip(float((np.abs(sums) >= least).mean()), True, len(sums))
    extreme, key = 0, stream_key(seed, "sign flip")
    words = math.ceil(len(sizes) / 64)
    step = max(1, _AT_ONCE // len(sizes))
    for start in range(0, trials, step):
        stop = min(start + step, trials)
        numbers = np.arange(start * words, stop * words, dtype=np.uint64)
        drawn = mix(mix(numbers) ^ key).astype("<u8").view(np.uint8).reshape(stop - start, -1)
        flipped = np.unpackbits(drawn, axis=1, count=len(sizes))
        sums = np.where(flipped, -sizes, sizes).sum(axis=1)
        extreme += int((np.abs(sums) >= least).sum())
    return SignFlip((extreme + 1) / (trials + 1), False, trials)


def holm(p: Sequence[float]) -> list[float]:
    """p-values such that all below alpha are right with probability 1 - alpha (Holm, 1979)."""
    values, order = np.asarray(p, np.float64), np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    result = np.empty(len(scaled))
    result[order] = np.minimum(scaled, 1)
    return result.tolist()


def seed_spread(seeds: Sequence[pl.DataFrame], metric: str) -> Mapping[str, float | None]:
    """Mean, standard deviation, lowest and highest of the seeds' means over queries."""
    means = np.array([frame[metric].mean() for frame in seeds], np.float64)
    return {
        "seeds": len(means),
        "mean": rounded(float(means.mean())),
        "deviation": rounded(float(means.std(ddof=1))) if len(means) > 1 else None,
        "lowest": rounded(float(means.min())),
        "highest": rounded(float(means.max())),
    }


def _by_query(frames: pl.DataFrame | Sequence[pl.DataFrame], metric: str) -> pl.DataFrame:
    """query_id and the mean of `metric` over the seeds, by query."""
    seeds = [frames] if isinstance(frames, pl.DataFrame) else list(frames)
    if not seeds:
        raise InputError("there is nothing to compare", fix="give a frame of each seed")
    for frame in seeds:
        if metric not in frame.columns:
            raise InputError(
                f"there is no {metric} in what is to be compared",
                fix="name a metric that both were evaluated with",
            )
        if set(frame["query_id"]) != set(seeds[0]["query_id"]):
            raise InputError(
                "the seeds were not evaluated on the same queries",
                fix="evaluate every seed on the same split",
            )
    together = pl.concat([frame.select("query_id", metric) for frame in seeds])
    return together.group_by("query_id").agg(pl.col(metric).mean()).sort("query_id")

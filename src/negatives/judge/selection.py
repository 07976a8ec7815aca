"""Which share of the relevant pairs is labelled, and what that makes of a pair without a label.

A label says that a pair is relevant *and* that somebody looked: P(labelled | z) = c r(z), with
r = P(relevant | z) and c = P(labelled | relevant), the labelled share (Elkan and Noto, KDD 2008).
A pair without a label is then relevant with probability (1 - c) r / (1 - c r).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from negatives.schema import Bools, Floats

Doubles = NDArray[np.float64]

_SHARES = np.exp(np.linspace(np.log(0.01), np.log(0.99), 41))
"""Labelled shares that are tried."""
_OF_QUERIES = -_SHARES * np.log(_SHARES) / (1 - _SHARES)
"""For each share c the mean of 1/n, where n >= 1 is geometric with mean 1/c."""
_BELIEVED = 0.25  # of log-likelihood below the best: seven tenths of a standard deviation
_BELIEVED_OF_ONE = 1.353  # with one label a query: the lower bound at 95% confidence
_BINS = 512
_MOST = 0.999


@dataclass(frozen=True, slots=True)
class Selection:
    """The labelled share c, and relevance as a logistic function of log-odds z."""

    share: float
    slope: float
    intercept: float

    def relevant(self, z: Doubles) -> Doubles:
        """float64[n]: probability that a pair without a label is relevant."""
        r = 1 / (1 + np.exp(-np.clip(self.slope * z + self.intercept, -50, 50)))
        found: Doubles = np.minimum((1 - self.share) * r / (1 - self.share * r), _MOST)
        return found


def fit_selection(
    z: Doubles, labelled: Bools, weights: Floats, share: float = 0.0, one_each: bool = False
) -> Selection:
    """Fit c, slope and intercept to held-out log-odds `z` of being labelled, by likelihood.

    c shows where the evidence is strong: there nearly all pairs are relevant, and yet only a share
    of them is labelled. Where evidence is weak nowhere is that so, and many c are as likely: the
    lowest that is nearly as likely as the best is taken, so that probabilities are rather too high.
    Assumes that which relevant pairs are labelled does not depend on the evidence.

    `one_each` says that queries have one label however many documents are relevant to them: n in
    truth, of which 1/n is labelled. What shows is then the mean of 1/n over the queries, whereas
    most relevant pairs without a label are of queries with a large n. n itself leaves no trace in
    the labels; it is taken to be geometric, which assumes least beyond its mean (the law of largest
    entropy), and c is one over that mean: never below 0.01.
    `share` > 0 sets c instead.
    """
    bins = _binned(z, labelled, weights.astype(np.float64))
    with threadpool_limits(limits=1):  # more would only wait for each other over two numbers
        return _fit(bins, share, one_each)


def _fit(bins: tuple[Doubles, Doubles, Doubles], share: float, one_each: bool) -> Selection:
    at, positive, rest = bins
    found: list[tuple[float, Doubles]] = []
    start = np.array([0.0, 0.0])
    for c in _SHARES[::-1]:
        fitted = _fit_relevance(float(c), at, positive, rest, start)
        found.append(fitted)
        start = fitted[1]
    found.reverse()
    if not share:
        costs = np.array([cost for cost, _ in found])
        believed = _BELIEVED_OF_ONE if one_each else _BELIEVED
        share = float(_SHARES[np.flatnonzero(costs <= costs.min() + believed)[0]])
        if one_each:
            share = float(np.interp(share, _OF_QUERIES, _SHARES))
    # From a neighbour: a small c fitted from nowhere can end where everything is relevant.
    near = found[min(int(np.searchsorted(_SHARES, share)), len(found) - 1)][1]
    _, (intercept, slope) = _fit_relevance(share, at, positive, rest, near)
    return Selection(share, float(np.exp(slope)), float(intercept))


def _fit_relevance(
    c: float, at: Doubles, positive: Doubles, rest: Doubles, start: Doubles
) -> tuple[float, Doubles]:
    """Negative log-likelihood and (intercept, log slope) of the best logistic relevance for c."""
    from scipy.optimize import minimize

    def cost(x: Doubles) -> tuple[float, Doubles]:
        slope = float(np.exp(x[1]))
        r = 1 / (1 + np.exp(-np.clip(slope * at + x[0], -50, 50)))
        value = -float((positive * np.log(c * r) + rest * np.log1p(-c * r)).sum())
        by_logit = -(positive * (1 - r) - rest * c * r * (1 - r) / (1 - c * r))
        return value, np.array([by_logit.sum(), (by_logit * slope * at).sum()])

    bounds = [(-30.0, 30.0), (-3.0, 2.0)]
    best = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(best.fun), np.asarray(best.x)


def _binned(z: Doubles, labelled: Bools, weights: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Mean z, labelled and unlabelled weight of bins of equally many rows: as good, and fast."""
    order = np.argsort(z, kind="stable")
    edges = np.unique(np.linspace(0, len(z), _BINS + 1).astype(int))[:-1]
    count = np.diff(np.append(edges, len(z)))
    positive = np.add.reduceat(np.where(labelled, weights, 0)[order], edges)
    rest = np.add.reduceat(np.where(labelled, 0, weights)[order], edges)
    return np.add.reduceat(z[order], edges) / count, positive, rest

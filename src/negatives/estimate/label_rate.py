"""The label rate: which share of the relevant pairs is labelled, and what follows for the others.

A label says that a pair is relevant *and* that somebody looked: P(labelled | z) = c r(z), with
r = P(relevant | z) and c = P(labelled | relevant), the label rate (Elkan and Noto, KDD 2008). What
has no label is then relevant with probability (1 - c) r / (1 - c r).

Labels alone identify the product c r, and c only where the evidence is so strong that nearly all
pairs are relevant and yet only a share of them is labelled. A verdict on a pair without a label is
a draw from (1 - c) r / (1 - c r), which depends on c wherever c r is not tiny: forty of them say
more about c than all labels do where queries have one label each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, get_args

import numpy as np

from negatives.arrays import Bools, Doubles, Floats
from negatives.errors import RunError
from negatives.estimation import Basis
from negatives.one_thread import one_thread
from negatives.stats.labelled_logistic import fit_labelled
from negatives.stats.logistic import sigmoid

_RATES: Final = np.exp(np.linspace(np.log(0.01), np.log(0.99), 41))
"""Label rates that are tried: 0.01 to 0.99, evenly on a logarithmic scale."""
CAUTION: Final = 0.35
"""The quantile of the label rate that p_relevant reckons with: rather a low one, so that
probabilities are rather too high."""
CAUTION_OF_ONE: Final = 0.05
"""The same where queries have one label each: the lower end of the interval."""
SETTLED: Final = 40
"""Verdicts from which on the label rate is no guess any more (benchmark `judgements`)."""
BELIEF_OF_ONE: Final = 0.2
MOST_OF_ONE: Final = 40
"""What the likelihood of labels counts for there: for a fifth of them, chosen on three collections,
and for forty at most. It takes them for independent draws from all relevant pairs, and they are one
of each query, of a few or of many: it is far too sure of a rate that is the mean over queries and
not over pairs, and that does not get better with more queries. Verdicts must be able to overrule
it."""
LOW, MIDDLE, HIGH = 0.05, 0.5, 0.95
"""Quantiles of the label rate over which a promise is told."""
_BINS: Final = 512
_HIGHEST: Final = 0.999


@dataclass(frozen=True, slots=True)
class LabelRate:
    """What is known of the label rate c, and how probable relevance is given each rate.

    `rates`, `credible` (how probable each rate is; sums to 1), `slopes` and `intercepts` (relevance
    given the rate, as a logistic function of the log-odds z of being labelled) are float64[rates].
    `basis` is what the belief rests on.
    """

    rates: Doubles
    credible: Doubles
    slopes: Doubles
    intercepts: Doubles
    basis: Basis

    @property
    def caution(self) -> float:
        """The quantile of the rate that p_relevant reckons with."""
        return CAUTION_OF_ONE if self.basis in ("guess", "verdicts") else CAUTION

    @property
    def rate(self) -> float:
        """The label rate reckoned with."""
        return self.quantile(self.caution)

    def quantile(self, of: float) -> float:
        """The label rate below which this share of the belief lies."""
        below, above, share = self._between(of)
        return float(self.rates[below] ** (1 - share) * self.rates[above] ** share)

    def relevant(self, z: Doubles, quantile: float | None = None) -> Doubles:
        """float64[n]: probability that a pair without a label is relevant.

        At a quantile of the label rate; without one, at that of caution. It falls with the rate.
        """
        below, above, share = self._between(self.caution if quantile is None else quantile)
        found = (1 - share) * self._given(below, z) + share * self._given(above, z)
        return np.minimum(found, _HIGHEST)

    def given_verdicts(self, z: Doubles, relevant: Bools) -> LabelRate:
        """With the belief in each rate changed by what somebody said of pairs without a label.

        `relevant` (bool[n]) is what was said, `z` (float64[n]) the pairs' log-odds of being
        labelled. Which pairs were asked about may depend on z in any way.
        """
        with np.errstate(divide="ignore"):
            log = np.log(self.credible)
        for place in range(len(self.rates)):
            p = np.clip(self._given(place, z), 1e-9, 1 - 1e-9)
            log[place] += np.where(relevant, np.log(p), np.log1p(-p)).sum()
        settled = self.basis == "guess" and len(z) >= SETTLED
        basis: Basis = "verdicts" if settled else self.basis
        return replace(self, credible=_normalised(log), basis=basis)

    def information(self, z: Doubles) -> Doubles:
        """float64[n]: how much a verdict on each pair narrows what is believed of all of them.

        Of the variance of log f, where f is the share of these pairs that is relevant, what the
        verdict on a pair is expected to remove: Cov(log f, p)^2 / (E p (1 - E p)), over the rates
        that are credible; p is the pair's probability of relevance. A verdict is a draw from p, so
        this is the variance of the two means of log f that it decides between.
        """
        p = np.stack([self._given(place, z) for place in range(len(self.rates))])
        share = np.log(np.maximum(p.mean(axis=1), 1e-9))
        expected = self.credible @ p
        spread = (self.credible * (share - self.credible @ share)) @ p
        found: Doubles = spread**2 / np.maximum(expected * (1 - expected), 1e-9)
        return found

    def _given(self, place: int, z: Doubles) -> Doubles:
        r = sigmoid(self.slopes[place] * z + self.intercepts[place])
        c = self.rates[place]
        found: Doubles = (1 - c) * r / (1 - c * r)
        return found

    def _between(self, quantile: float) -> tuple[int, int, float]:
        """The neighbouring rates between which a quantile lies, and how far from the first.

        What is believed of a rate is spread evenly over its surroundings, halfway to each of its
        neighbours, so that a little more evidence makes no jump; but a certain rate is exact.
        """
        last = len(self.rates) - 1
        if self.basis == "recipe":
            certain = int(self.credible.argmax())
            return certain, certain, 0.0
        total = np.cumsum(self.credible)
        at = min(int(np.searchsorted(total, quantile)), last)
        before = float(total[at - 1]) if at else 0.0
        within = (quantile - before) / max(float(self.credible[at]), 1e-12)
        place = float(np.clip(at - 0.5 + within, 0, last))
        below = min(int(place), last - 1)
        return below, below + 1, place - below

    def as_dict(self) -> dict[str, Any]:
        """Plain values, nine significant digits: what a run keeps, to weigh verdicts later."""
        names = ("rates", "credible", "slopes", "intercepts")
        made: dict[str, Any] = {
            name: [float(f"{value:.9g}") for value in getattr(self, name)] for name in names
        }
        return made | {"basis": self.basis}

    @staticmethod
    def from_dict(values: Any) -> LabelRate:
        """What `as_dict` gave; `RunError` where that is not it."""
        names = ("rates", "credible", "slopes", "intercepts")
        try:
            basis = values["basis"]
            rates, credible, slopes, intercepts = (
                np.array(values[name], np.float64) for name in names
            )
            shapes = {each.shape for each in (rates, credible, slopes, intercepts)}
            read = basis in get_args(Basis) and shapes == {(len(rates),)} and len(rates) > 0
        except (KeyError, TypeError, ValueError):
            read = False
        if not read:
            raise RunError(
                "what the run says of its label rate cannot be read",
                fix="mine it again with --overwrite",
            )
        return LabelRate(rates, credible, slopes, intercepts, basis)


def fit_label_rate(
    z: Doubles, labelled: Bools, weights: Floats, rate: float = 0.0, one_each: bool = False
) -> LabelRate:
    """Fit relevance to held-out log-odds `z` of being labelled, for every label rate.

    c shows where the evidence is strong: there nearly all pairs are relevant, and yet only a share
    of them is labelled. Where evidence is weak nowhere is that so, and many c are as likely.
    Assumes that which relevant pairs are labelled does not depend on the evidence.

    `one_each` says that queries have one label however many documents are relevant to them. `rate`
    > 0 is taken for certain. `weights`: how many pairs each one stands for.
    """
    bins = _binned(z, labelled, weights.astype(np.float64))
    rates = np.unique(np.append(_RATES, rate)) if rate else _RATES
    with one_thread():  # more would only wait for each other over two numbers
        costs, slopes, intercepts = _fitted(bins, rates)
    if rate:
        credible = (rates == rate).astype(np.float64)
    else:
        most = MOST_OF_ONE / max(int(labelled.sum()), 1)
        credible = _normalised(-costs * (min(BELIEF_OF_ONE, most) if one_each else 1.0))
    basis: Basis = "recipe" if rate else "guess" if one_each else "labels"
    return LabelRate(rates, credible, slopes, intercepts, basis)


def _normalised(log: Doubles) -> Doubles:
    """Probabilities in proportion to the exponentials."""
    made = np.exp(log - log.max())
    found: Doubles = made / made.sum()
    return found


def _fitted(
    bins: tuple[Doubles, Doubles, Doubles], rates: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """Negative log-likelihood, slope and intercept of relevance given each rate.

    The highest first, each from its neighbour's: a low rate fitted from nowhere can end where
    everything is relevant.
    """
    found: list[tuple[float, Doubles]] = []
    start = np.array([0.0, 0.0])
    for c in rates[::-1]:
        found.append(fit_labelled(float(c), *bins, start))
        start = found[-1][1]
    found.reverse()
    intercepts, slopes = np.array([x for _, x in found]).T
    return np.array([cost for cost, _ in found]), np.exp(slopes), intercepts


def _binned(z: Doubles, labelled: Bools, weights: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Mean z, labelled and unlabelled weight of bins of equally many rows: as good, and fast."""
    order = np.argsort(z, kind="stable")
    edges = np.unique(np.linspace(0, len(z), _BINS + 1).astype(int))[:-1]
    count = np.diff(np.append(edges, len(z)))
    positive = np.add.reduceat(np.where(labelled, weights, 0)[order], edges)
    rest = np.add.reduceat(np.where(labelled, 0, weights)[order], edges)
    return np.add.reduceat(z[order], edges) / count, positive, rest

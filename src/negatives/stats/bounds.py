"""How high a share may be in truth, given what was counted: exact bounds, one-sided.

For counts that are not independent (pairs of one query are alike) the sample counts as smaller
than it is, by its design effect (Korn and Graubard, Survey Methodology 1998). Scipy is imported
where it is used: a run that asks for no bound starts without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEW = 2
"""With events in fewer clusters than this, how alike they are within one cannot be estimated.

With this few the bounds still hold as often as promised (simulated: 30 and 200 clusters of 5 and 12
pairs, rates of 1 to 10%, independent or nearly all of a cluster alike).
"""
_MOST_UNSEEN = 20_000  # more change the bound by less than it can be read


def upper_bound(events: float, trials: float, confidence: float) -> float:
    """The highest share that `events` of `trials` do not rule out (Clopper and Pearson, 1934)."""
    from scipy.special import betaincinv

    if trials - events <= 0:
        return 1.0
    return float(betaincinv(events + 1, trials - events, confidence))


def prediction_bound(events: float, trials: float, unseen: int, confidence: float) -> float:
    """The highest share of `unseen` further pairs that are events, exchangeable with those seen.

    Beta-binomial; for whole numbers the exact hypergeometric limit (Thatcher, JRSS B 1964).
    """
    from scipy.special import betaln, gammaln

    if trials - events <= 0:
        return 1.0
    if unseen < 1:
        return 0.0
    n = min(unseen, _MOST_UNSEEN)
    a, b = events + 1, trials - events
    k = np.arange(n + 1, dtype=np.float64)
    logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    mass = np.exp(logs + betaln(k + a, n - k + b) - betaln(a, b))
    high = int(np.searchsorted(np.cumsum(mass), confidence * (1 - 1e-12)))
    return min(high, n) / n


@dataclass(frozen=True, slots=True)
class Clusters:
    """Events among trials, counted by cluster, of which only sums are kept.

    `ee`, `et`, `tt`: sums over the clusters of events squared, events x trials, trials squared;
    `hit`: clusters with an event.
    """

    clusters: int = 0
    events: int = 0
    trials: int = 0
    ee: int = 0
    et: int = 0
    tt: int = 0
    hit: int = 0

    @staticmethod
    def of(events: NDArray[np.int64], trials: NDArray[np.int64]) -> Clusters:
        """int64[clusters] each."""
        return Clusters(
            len(events), int(events.sum()), int(trials.sum()), int((events**2).sum()),
            int((events * trials).sum()), int((trials**2).sum()), int((events > 0).sum()),
        )  # fmt: skip

    def __add__(self, other: Clusters) -> Clusters:
        return Clusters(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def rate(self) -> float:
        """Share of the trials that are events."""
        return self.events / self.trials

    @property
    def design_effect(self) -> float:
        """How many times the variance of the rate is that of independent trials; at least 1.

        With events in one cluster, or none: as if those of one cluster were all alike.
        """
        alike = self.tt / self.trials
        if self.hit < FEW:
            return alike
        residual = self.ee - 2 * self.rate * self.et + self.rate**2 * self.tt
        spread = self.clusters / (self.clusters - 1) * residual / self.trials**2
        independent = self.rate * (1 - self.rate) / self.trials
        return max(1.0, spread / independent) if independent else 1.0

    def effective(self, confidence: float) -> tuple[float, float]:
        """Events and trials of a sample of independent pairs that says as much."""
        from scipy.special import stdtrit

        few, many = (float(stdtrit(n - 1, confidence)) for n in (self.clusters, self.trials))
        trials = min(self.trials / self.design_effect * (many / few) ** 2, self.trials)
        return self.rate * trials, trials

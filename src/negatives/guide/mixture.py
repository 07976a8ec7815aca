"""A mixture of round Gaussians, of which the perfect denoiser is known: guides tried in the plane.

    noisy x = sqrt(a) x0 + sqrt(1 - a) noise
    E[noise | x]    is the sum over components of their posterior times the noise that each implies

A condition is a share for each component. What a guide makes of such predictions, step by step, can
be compared with where the components are: without a trained model, and in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from negatives.arrays import Doubles, Places
from negatives.errors import DataError
from negatives.guide.manifold import ddim_step


class Mixture:
    """Components of one `deviation` around `means`, float[components, features].

    >>> import numpy as np
    >>> from negatives.guide import Mixture
    >>> plane = Mixture([[-2.0, 0.0], [2.0, 0.0]], deviation=0.1)
    >>> plane.noise(np.array([[2.0, 0.0]]), 1.0).tolist()
    [[0.0, 0.0]]
    >>> plane.nearest(np.array([[1.9, 0.1], [0.0, 0.0]])).tolist()
    [1, -1]
    """

    def __init__(self, means: Sequence[Sequence[float]] | Doubles, deviation: float) -> None:
        self.means = np.asarray(means, np.float64)
        self.deviation = deviation
        if self.means.ndim != 2 or not deviation > 0:
            raise DataError(
                f"means of shape {self.means.shape} with a deviation of {deviation:g}",
                fix="float[components, features], and a deviation above 0",
            )

    def noise(
        self, noisy: Doubles, signal: float, shares: Sequence[float] | None = None
    ) -> Doubles:
        """float[samples, features]: the noise that is expected in noisy samples.

        `shares`: how much of the mixture each component is under a condition; 0: it is not in it.
        """
        posterior, apart, variance = self._posterior(noisy, signal, shares)
        made: Doubles = np.sqrt(1 - signal) * (posterior[..., None] * apart).sum(1) / variance
        return made

    def gradient(
        self, noisy: Doubles, signal: float, shares: Sequence[float], chosen: Sequence[float]
    ) -> Doubles:
        """Of log p(chosen components | noisy sample): what a perfect classifier is guided by."""
        scores = [
            -self.noise(noisy, signal, each) / np.sqrt(1 - signal) for each in (chosen, shares)
        ]
        return np.asarray(scores[0] - scores[1])

    def drawn(self, number: int, shares: Sequence[float], seed: int = 0) -> tuple[Doubles, Places]:
        """Samples, float[number, features], and the component that each is of."""
        random = np.random.default_rng(seed)
        which = random.choice(len(self.means), number, p=np.array(shares) / np.sum(shares))
        noise = random.normal(size=(number, self.means.shape[1]))
        return self.means[which] + self.deviation * noise, which

    def nearest(self, samples: Doubles, within: float = 4.0) -> Places:
        """int64[samples]: the nearest component; -1 where it is over `within` deviations away."""
        apart = np.linalg.norm(samples[:, None] - self.means, axis=2)
        near = apart.min(1) <= within * self.deviation
        return np.where(near, apart.argmin(1), -1).astype(np.int64)

    def _posterior(
        self, noisy: Doubles, signal: float, shares: Sequence[float] | None
    ) -> tuple[Doubles, Doubles, float]:
        given = np.ones(len(self.means)) if shares is None else np.asarray(shares, np.float64)
        if given.shape != (len(self.means),) or not given.sum() > 0 or (given < 0).any():
            raise DataError(
                f"shares {given.tolist()} of {len(self.means):,} components",
                fix="one for each, 0 or above and not all 0",
            )
        apart = noisy[:, None] - np.sqrt(signal) * self.means
        variance = signal * self.deviation**2 + 1 - signal
        with np.errstate(divide="ignore"):
            logits = np.log(given) - (apart**2).sum(2) / (2 * variance)
        logits -= logits.max(1, keepdims=True)
        odds = np.exp(logits)
        return odds / odds.sum(1, keepdims=True), apart, variance


def signals(steps: int, lowest: float = 0.002) -> Doubles:
    """float64[steps + 1]: shares of signal from `lowest` to 1, by the cosine of equal angles.

    >>> signals(4).round(3).tolist()
    [0.002, 0.171, 0.522, 0.861, 1.0]
    """
    if steps < 1 or not 0 < lowest < 1:
        raise DataError(
            f"{steps:,} steps from a share of signal of {lowest:g}",
            fix="at least one step, from a share above 0 and below 1",
        )
    angles = np.linspace(np.arccos(np.sqrt(lowest)), 0, steps + 1)
    return np.asarray(np.cos(angles) ** 2)


def generated(
    predict: Callable[[Doubles, float, int], Doubles], start: Doubles, shares: Doubles
) -> Doubles:
    """What noise becomes, step by step (DDIM): predict(noisy, share of signal, step) -> noise.

    >>> import numpy as np
    >>> plane = Mixture([[-2.0, 0.0], [2.0, 0.0]], deviation=0.1)
    >>> start = np.random.default_rng(0).normal(size=(100, 2))
    >>> made = generated(lambda x, a, step: plane.noise(x, a, [0, 1]), start, signals(50))
    >>> bool((plane.nearest(made) == 1).all())
    True
    """
    made = start
    for step, (signal, following) in enumerate(pairwise(shares.tolist())):
        made = ddim_step(made, predict(made, signal, step), signal, following)
    return made

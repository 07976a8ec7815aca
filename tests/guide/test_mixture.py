"""The mixture whose denoiser is known: against numerical integration, and what guides do on it."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.guide import Mixture, Schedule, clean_sample, generated, perp_neg, signals

PLANE = Mixture([[-1.0, 0.0], [1.0, 0.5]], deviation=0.3)


def test_its_noise_is_what_integration_finds() -> None:
    signal, shares, noisy = 0.4, np.array([0.3, 0.7]), np.array([[0.2, -0.4]])
    samples, _ = PLANE.drawn(400_000, shares.tolist(), seed=3)
    apart = noisy - np.sqrt(signal) * samples
    weights = np.exp(-(apart**2).sum(1) / (2 * (1 - signal)))
    expected = (weights[:, None] * apart).sum(0) / weights.sum() / np.sqrt(1 - signal)
    assert PLANE.noise(noisy, signal, shares.tolist())[0] == pytest.approx(expected, abs=0.01)


def test_a_condition_is_a_share_of_each_component() -> None:
    noisy = np.array([[0.1, 0.2], [3.0, 1.0]])
    alone = Mixture([[1.0, 0.5]], deviation=0.3)
    assert PLANE.noise(noisy, 0.5, [0, 1]) == pytest.approx(alone.noise(noisy, 0.5))
    assert PLANE.noise(noisy, 0.5) == pytest.approx(PLANE.noise(noisy, 0.5, [5, 5]))
    # Nearly without noise the clean sample is the sample.
    assert clean_sample(noisy, PLANE.noise(noisy, 0.9999), 0.9999) == pytest.approx(noisy, abs=0.01)


def test_its_gradient_is_that_of_the_log_probability_of_the_chosen() -> None:
    noisy, signal, step = np.array([[0.1, 0.2]]), 0.5, 1e-5

    def log_probability(x: Doubles) -> float:
        variance = signal * 0.3**2 + 1 - signal
        apart = ((x - np.sqrt(signal) * PLANE.means) ** 2).sum(1)
        odds = np.array([0.25, 0.75]) * np.exp(-apart / (2 * variance))
        return float(np.log(odds[1] / odds.sum()))

    found = PLANE.gradient(noisy, signal, [0.25, 0.75], [0, 1])[0]
    by_hand = [
        (log_probability(noisy + step * axis) - log_probability(noisy - step * axis)) / (2 * step)
        for axis in np.eye(2)
    ]
    assert found == pytest.approx(by_hand, abs=1e-6)


def test_guidance_that_never_stops_leaves_what_was_learned() -> None:
    plane = Mixture([[0.0, 2.0], [2.0, 0.0], [0.0, -2.0], [-2.0, 0.0]], deviation=0.2)
    start = np.random.default_rng(0).normal(size=(100, 2))

    def found(weight: float, schedule: Schedule) -> tuple[float, float]:
        """The shares of the unwanted component, and of samples that are of none."""

        def predict(x: Doubles, a: float, step: int) -> Doubles:
            none, wanted, other = (plane.noise(x, a, s) for s in (None, [1, 1, 0, 0], [0, 1, 1, 0]))
            now, scale = schedule.weight(weight, step, 50), schedule.scale(2.0, step, 50)
            return np.asarray(perp_neg(none, wanted, [other], now, scale=scale))

        near = plane.nearest(generated(predict, start, signals(50)))
        return float((near == 1).mean()), float((near < 0).mean())

    without, _ = found(0.0, Schedule(stop=0.4))
    unwanted, off = found(0.5, Schedule(stop=0.4))
    assert unwanted < without / 2
    assert off < 0.05
    assert found(0.5, Schedule())[1] > 0.7


def test_nonsense_is_refused() -> None:
    for call, said in (
        (lambda: Mixture([[0.0]], deviation=0.0), "a deviation of 0"),
        (lambda: PLANE.noise(np.ones((1, 2)), 0.5, [1.0]), r"shares \[1\.0\] of 2 components"),
        (lambda: PLANE.noise(np.ones((1, 2)), 0.5, [0, 0]), "not all 0"),
    ):
        with pytest.raises(DataError, match=said):
            call()

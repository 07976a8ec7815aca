"""Minority guidance: the page's classes, and rare samples that are found and asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.guide import (
    Mixture,
    classifier_guided,
    clean_sample,
    generated,
    minority_classes,
    minority_scores,
    signals,
)
from tests.guide.both import arrays, both


@pytest.mark.method("minority-guidance")
def test_the_worked_numbers() -> None:
    classes, ends = minority_classes(np.arange(1, 9) / 10, 4)
    assert ends == pytest.approx([0.275, 0.45, 0.625, 0.8])
    assert classes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@given(st.lists(st.floats(0, 1e6), min_size=4, max_size=60, unique=True), st.integers(1, 4))
def test_every_score_has_a_class_and_classes_are_about_as_large(
    scores: list[float], number: int
) -> None:
    classes, _ = minority_classes(np.array(scores), number)
    sizes = np.bincount(classes, minlength=number)
    assert sizes.max() - sizes.min() <= 2
    order = np.argsort(scores)
    assert (np.diff(classes[order]) >= 0).all()


def test_the_worst_of_all_are_set_aside_as_spoiled() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0, 900.0])
    assert minority_classes(scores, 2, cap=0.9)[0].tolist() == [0, 0, 1, 1, -1]


@given(arrays(3, 2), arrays(4, 3, 2))
def test_a_score_is_the_mean_over_draws_of_the_distance(samples: Doubles, remade: Doubles) -> None:
    made = both(minority_scores, samples, remade)
    for place in range(3):
        apart = [np.mean((samples[place] - each[place]) ** 2) for each in remade]
        assert made[place] == pytest.approx(np.mean(apart))
    own = minority_scores(samples, remade, lambda a, b: np.abs(a - b).max(1))
    assert own[0] == pytest.approx(np.mean([np.abs(samples[0] - e[0]).max() for e in remade]))


def test_what_a_perfect_denoiser_makes_again_badly_is_rare() -> None:
    plane = Mixture([[-1.5, 0.0], [1.5, 0.0]], deviation=0.4)
    shares = [0.95, 0.05]
    samples, which = plane.drawn(1_000, shares)
    random = np.random.default_rng(0)

    def scores(signal: float) -> Doubles:
        remade = []
        for _ in range(5):
            noisy = np.sqrt(signal) * samples
            noisy = noisy + np.sqrt(1 - signal) * random.normal(size=samples.shape)
            remade.append(clean_sample(noisy, plane.noise(noisy, signal, shares), signal))
        return np.asarray(minority_scores(samples, np.stack(remade)))

    strong = scores(0.2)
    rare, common = strong[which == 1], strong[which == 0]
    assert (rare[:, None] > common).mean() > 0.8
    assert scores(0.999).mean() < strong.mean() / 10


def test_guidance_makes_the_rare_frequent() -> None:
    plane = Mixture([[-2.0, 0.0], [2.0, 0.0]], deviation=0.3)
    shares, rare = [0.9, 0.1], [0, 1]
    start = np.random.default_rng(0).normal(size=(300, 2))

    def share(scale: float) -> float:
        def predict(x: Doubles, signal: float, step: int) -> Doubles:
            gradient = plane.gradient(x, signal, shares, rare)
            return np.asarray(
                classifier_guided(plane.noise(x, signal, shares), gradient, scale, signal)
            )

        return float((plane.nearest(generated(predict, start, signals(40))) == 1).mean())

    assert share(0.0) == pytest.approx(0.1, abs=0.06)
    assert share(1.0) > 0.9


def test_nonsense_is_refused() -> None:
    for scores, number, cap in (([1.0], 2, 1.0), ([1.0, float("nan")], 1, 1.0), ([1.0], 1, 0.0)):
        with pytest.raises(DataError, match="classes of"):
            minority_classes(np.array(scores), number, cap=cap)
    with pytest.raises(DataError, match="nothing was remade"):
        minority_scores(np.ones((1, 1)), np.ones((0, 1, 1)))
    with pytest.raises(DataError, match="a share of signal of 0"):
        classifier_guided(np.ones((1, 1)), np.ones((1, 1)), 1.0, 0.0)

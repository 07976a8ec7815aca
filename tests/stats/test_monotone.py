"""Monotone curves that are added up: the best there are by another optimiser, and never falling."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from negatives.arrays import Bools, Doubles, Floats
from negatives.stats.monotone import Curve, Ramps, least

NAN = float("nan")


def drawn(rows: int = 600) -> tuple[Floats, Bools]:
    """Three columns, of which the first raises the odds, the second lowers them, the third may."""
    draw = np.random.default_rng(0)
    values = draw.normal(size=(rows, 3)).astype(np.float32)
    values[draw.random(rows) < 0.2, 1] = NAN
    odds = 2 * np.maximum(values[:, 0], 0) - np.nan_to_num(values[:, 1]) - 1
    return values, draw.random(rows) < 1 / (1 + np.exp(-odds))


def logits(curves: list[Curve], constant: float, values: Floats) -> Doubles:
    heights = [curve.at(values[:, place]) for place, curve in enumerate(curves)]
    total: Doubles = constant + np.sum(heights, axis=0)
    return total


def test_they_are_what_another_optimiser_finds() -> None:
    values, target = drawn()
    ramps = Ramps.of(values, [1, -1, 0])
    rows = np.arange(0, 600, 2)
    found = logits(*ramps.fit(rows, target), values)
    inputs, wanted = ramps.matrix[rows].astype(np.float64), target[rows].astype(np.float64)

    def cost(weights: Doubles) -> tuple[float, Doubles]:
        z = inputs @ weights
        value = np.logaddexp(0, z).sum() - z @ wanted + weights @ ramps.penalty @ weights / 2
        p = 1 / (1 + np.exp(-z))
        return float(value), inputs.T @ (p - wanted) + ramps.penalty @ weights

    bounds = [(0 if each else None, None) for each in ramps.bounded]
    start = np.zeros(len(bounds))
    options = {"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-9}
    theirs = minimize(cost, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options)
    np.testing.assert_allclose(found, ramps.matrix @ theirs.x, atol=5e-3)


def test_a_curve_goes_the_way_it_may_and_is_level_outside_of_what_was_seen() -> None:
    values, target = drawn()
    wrong_way, right_way, free = (
        Ramps.of(values, directions).fit(np.arange(600), target)[0][0]
        for directions in ([-1, -1, 0], [1, -1, 0], [0, 0, 0])
    )
    at = np.linspace(-9, 9, 99).astype(np.float32)
    assert np.ptp(wrong_way.at(at)) < 0.05  # the best that may not rise is level
    for curve in (right_way, free):
        heights = curve.at(at)
        assert (np.diff(heights) >= 0).all()
        assert np.ptp(heights) > 1
        assert len(set(heights[at < -5])) == len(set(heights[at > 5])) == 1


def test_a_column_that_is_always_the_same_or_never_known_says_nothing() -> None:
    values, target = drawn()
    values[:, 0], values[:, 1] = 7, NAN
    curves, _ = Ramps.of(values, [1, 1, 0]).fit(np.arange(600), target)
    for curve in curves[:2]:
        assert curve.at(np.array([-1, 7, 8], np.float32)).tolist() == [0, 0, 0]


def test_curves_are_added_and_averaged_point_by_point() -> None:
    one = Curve(np.array([0.0, 2.0]), np.array([0.0, 4.0]), 1.0)
    two = Curve(np.array([1.0, 3.0]), np.array([1.0, -1.0]), 3.0)
    mean = one.plus(two).times(0.5)
    at = np.array([-1, 0, 0.5, 1, 2, 2.5, 3, 9, NAN], np.float32)
    np.testing.assert_allclose(mean.at(at), (one.at(at) + two.at(at)) / 2)


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_the_least_of_a_bounded_quadratic_is_that_of_scipy(seed: int, size: int) -> None:
    draw = np.random.default_rng(seed)
    table = draw.normal(size=(size + 3, size))
    target = draw.normal(size=size + 3)
    start = draw.random(size) < 0.5
    found, free = least(table.T @ table, table.T @ target, np.ones(size, bool), start)
    np.testing.assert_allclose(found, nnls(table, target)[0], atol=1e-6)
    assert (found[~free] == 0).all()

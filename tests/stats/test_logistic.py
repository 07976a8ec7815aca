"""Logistic models of soft labels: what scikit-learn finds, and sound where labels are extreme."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from negatives.stats.logistic import LONGEST, fit_logistic, shortened, sigmoid, with_intercept


def test_hard_labels_are_fitted_as_by_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(500, 3)) * [1, 5, 0.1]
    hard = draw.random(500) < sigmoid(x[:, 0] - 0.5 * x[:, 1] - 1)
    for ridge in (0.1, 1.0, 10.0):
        found = fit_logistic(with_intercept(x), hard.astype(np.float64), ridge)
        theirs = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=1000).fit(x, hard)
        np.testing.assert_allclose(found, [*theirs.coef_[0], *theirs.intercept_], atol=1e-4)


def test_a_soft_label_counts_as_that_share_of_either() -> None:
    x = np.array([[0.0], [1.0], [2.0]])
    soft = fit_logistic(with_intercept(x), np.array([0.1, 0.5, 0.8]), 0.5)
    many = np.repeat(x, 10, axis=0)
    hard = np.repeat([0.0, 1.0] * 3, [9, 1, 5, 5, 2, 8])
    np.testing.assert_allclose(fit_logistic(with_intercept(many), hard, 5.0), soft, atol=1e-5)


def test_labels_that_are_all_alike_end_in_finite_weights() -> None:
    inputs = with_intercept(np.ones((10, 1)))
    for label in (0.0, 1.0):
        weights = fit_logistic(inputs, np.full(10, label), 1.0)
        assert np.isfinite(weights).all()
        assert sigmoid(inputs @ weights) == pytest.approx(np.full(10, label), abs=1e-3)


def test_probabilities_of_extreme_log_odds_do_not_overflow() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_a_step_keeps_its_direction() -> None:
    assert shortened(np.array([1.0, -2.0])).tolist() == [1.0, -2.0]
    assert shortened(np.array([4.0, -8.0])).tolist() == [LONGEST / 2, -LONGEST]

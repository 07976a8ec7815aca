"""Columns on one scale: by their known values only, and what does not vary is left in peace."""

from __future__ import annotations

import numpy as np

from negatives.stats.scaling import Scale

NAN = float("nan")


def test_columns_have_mean_0_and_deviation_1_and_the_unknown_stands_at_the_mean() -> None:
    values = np.array([[1, 5], [NAN, 5], [3, 5]])
    assert Scale.of(values).applied(values).tolist() == [[-1, 0], [0, 0], [1, 0]]
    single = Scale.of(values.astype(np.float32))
    assert single.mean.dtype == single.deviation.dtype == np.float32


def test_rounding_of_a_constant_is_no_spread() -> None:
    tenth = np.full((1000, 1), 1e6 / 3)
    tenth[0] = np.nextafter(tenth[0], 0)
    assert Scale.of(tenth).deviation.tolist() == [1.0]


def test_a_column_of_which_nothing_is_known_says_nothing() -> None:
    values = np.full((3, 1), NAN)
    assert Scale.of(values).applied(values).tolist() == [[0.0]] * 3

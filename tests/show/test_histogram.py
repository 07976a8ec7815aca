"""Histograms: nothing is lost, 0 is an edge, and parts add up to the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.show.charts import ticks
from negatives.show.histogram import Grid, Histogram

VALUES = st.lists(
    st.floats(-1e6, 1e6, allow_nan=False, width=32).map(lambda value: round(value, 3)),
    min_size=1,
    max_size=60,
)


def counted(values: list[float]) -> Histogram:
    histogram = Histogram.empty(Grid.over(min(values), max(values)), ("a", "b"))
    histogram.add(np.zeros(len(values), np.intp), np.array(values))
    return histogram


@given(VALUES)
def test_every_value_is_in_a_bin_or_beyond_the_edges(values: list[float]) -> None:
    figures = counted(values).figures(("a", "b"))
    assert figures is not None
    assert list(figures["series"]) == ["a"]
    row, edges = figures["series"]["a"], figures["edges"]
    assert sum(row["counts"]) + row["below"] + row["above"] == row["count"] == len(values)
    assert len(edges) == len(row["counts"]) + 1 <= 53
    assert edges == sorted(edges)


@given(VALUES, st.sampled_from([0.1, 0.5, 0.9]))
def test_quantiles_are_within_a_fine_step(values: list[float], share: float) -> None:
    histogram = counted(values)
    step = histogram.grid.step
    ordered = sorted(values)
    at = share * len(values)
    low, high = ordered[max(0, int(at) - 1)], ordered[min(len(values) - 1, int(at))]
    found = histogram.quantile("a", share)
    assert found is not None
    assert low - 2 * step <= found <= high + 2 * step


@given(VALUES)
def test_the_share_from_zero_is_exact(values: list[float]) -> None:
    values = [*values, -1.0, 0.0]
    expected = sum(value >= 0 for value in values) / len(values)
    assert counted(values).share_from("a", 0.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.slow
@given(VALUES, VALUES)
def test_parts_add_up(first: list[float], second: list[float]) -> None:
    grid = Grid.over(min(first + second), max(first + second))
    whole, parts = (Histogram.empty(grid, ("a", "b")) for _ in range(2))
    codes = np.array([0] * len(first) + [1] * len(second), np.intp)
    whole.add(codes, np.array(first + second))
    parts.add(np.ones(len(second), np.intp), np.array(second))
    parts.add(np.zeros(len(first), np.intp), np.array(first))
    assert np.array_equal(whole.counts, parts.counts)
    total = whole.summed("both", ("a", "b"))
    assert int(total.counts[2].sum()) == len(first) + len(second)


def test_what_is_not_a_number_is_left_out() -> None:
    histogram = Histogram.empty(Grid.over(0.0, 1.0), ("a",))
    histogram.add(np.zeros(4, np.intp), np.array([0.5, np.nan, np.inf, -np.inf]))
    assert int(histogram.counts.sum()) == 1


def test_a_series_of_one_value_has_a_picture() -> None:
    figures = counted([2.5, 2.5]).figures(("a",))
    assert figures is not None
    assert figures["series"]["a"]["count"] == 2
    assert figures["edges"][0] <= 2.5 <= figures["edges"][-1]


def test_nothing_has_no_figures() -> None:
    histogram = Histogram.empty(Grid.over(0.0, 1.0), ("a",))
    assert histogram.figures(("a",)) is None
    assert histogram.quantile("a", 0.5) is None
    assert histogram.share_from("a", 0.0) is None


def test_a_picture_is_the_same_at_any_scale() -> None:
    values = np.random.default_rng(0).normal(size=1_000)
    made = {}
    for scale in (1.0, 1e-20, 1e20):
        scaled = values * scale
        histogram = Histogram.empty(Grid.over(scaled.min(), scaled.max()), ("a",))
        histogram.add(np.zeros(1_000, np.intp), scaled)
        figures = histogram.figures(("a",))
        assert figures is not None
        np.testing.assert_allclose(np.diff(figures["edges"]), np.diff(figures["edges"])[0])
        labels = [tick["label"] for tick in ticks(figures["edges"])]
        assert len(set(labels)) == len(labels)
        assert max(map(len, labels)) < 12
        made[scale] = figures["series"]["a"]["counts"]
    assert made[1e-20] == made[1e20] == made[1.0]

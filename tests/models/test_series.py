"""Numbers of time series: against plain loops, and what is no series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import DataError
from negatives.models.series import numbers

VALUES = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=9)


def written(values: list[float | None]) -> str:
    return ",".join("?" if value is None else repr(value) for value in values)


def naive(values: list[float | None], length: int) -> list[float]:
    """The same, point by point: fill, stretch, and bring to mean 0 and deviation 1."""
    there = [(at, value) for at, value in enumerate(values) if value is not None]
    if not there:
        return [0.0] * length

    def at(place: float) -> float:
        before = max((pair for pair in there if pair[0] <= place), default=there[0])
        after = min((pair for pair in there if pair[0] >= place), default=there[-1])
        if after[0] == before[0]:
            return before[1]
        part = (place - before[0]) / (after[0] - before[0])
        if not 0 <= part <= 1:
            return before[1]
        return before[1] + part * (after[1] - before[1])

    found = [at(step * (len(values) - 1) / (length - 1)) for step in range(length)]
    mean = math.fsum(found) / length
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in found) / length)
    if spread <= 1e-9 * max(1.0, *(abs(value) for value in found)):
        return [0.0] * length
    return [(value - mean) / spread for value in found]


@given(st.lists(VALUES, min_size=1, max_size=3), st.integers(8, 17))
def test_it_finds_what_plain_loops_find(dimensions: list[list[float | None]], length: int) -> None:
    made = numbers([":".join(map(written, dimensions))], len(dimensions), length)
    assert made.dtype == np.float32
    for got, values in zip(made[0], dimensions, strict=True):
        np.testing.assert_allclose(got, naive(values, length), atol=2e-3)


def test_scale_and_place_do_not_matter_and_nothing_is_nothing() -> None:
    one, other, none = numbers(["1,2,4,2", "-10,0,20,0", ""], 1, 8)
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert not none.any()


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(DataError, match="2 dimensions, and 1 are read") as caught:
        numbers(["1,2:3,4"], 1, 8)
    assert "train.dimensions=2" in caught.value.fix
    with pytest.raises(DataError, match="what is no number"):
        numbers(["1,two"], 1, 8)
    with pytest.raises(DataError, match="an infinite number"):
        numbers(["1,1e999"], 1, 8)

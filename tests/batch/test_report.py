"""What is measured of batches, against figures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.batch.report import measured
from tests.batch.made import examples


def batch(*rows: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(rows, np.int32)


def test_sizes_and_conflicts_are_counted() -> None:
    made = examples([0, 1, 2, 3, 4], [[0], [0], [2], [3], [4]], known=[(4, 3)])
    found = measured(made, [batch(0, 1, 2), batch(4, 3)])
    assert found == {
        "batches": 2,
        "examples": 5,
        "smallest": 2,
        "median": 2.5,
        "largest": 3,
        "conflict_rate": pytest.approx(0.8),
    }


def test_hardness_is_the_mean_of_the_nearest_other_positive() -> None:
    queries = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    made = examples([0, 1, 2], [[0], [1], [2]], vectors=(queries, queries))
    found = measured(made, [batch(0, 1, 2)])
    assert found["hardness"] == pytest.approx((0.6 + 0.8 + 0.8) / 3)


def test_a_row_alone_has_no_hardness() -> None:
    vectors = np.ones((1, 1), np.float32)
    assert "hardness" not in measured(examples([0], [[0]], vectors=(vectors, vectors)), [batch(0)])


def test_no_batches_have_no_conflicts() -> None:
    assert measured(examples([0], [[0]]), []) == {"batches": 0, "examples": 0, "conflict_rate": 0.0}

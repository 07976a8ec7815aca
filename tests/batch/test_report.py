"""What is measured of batches, against figures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.batch.order import Order
from negatives.batch.report import conflict_rate, masked_share, sizes
from tests.batch.made import examples


def order(rows: list[int], ends: list[int]) -> Order:
    return Order(np.array(rows, np.int32), np.array(ends, np.int64))


def test_sizes_and_conflicts_are_counted() -> None:
    made = examples([0, 1, 2, 3, 4], [[0], [0], [2], [3], [4]], known=[(4, 3)])
    found = order([0, 1, 2, 4, 3], [3, 5])
    assert sizes(found.sizes) == {
        "batches": 2,
        "examples": 5,
        "smallest": 2,
        "median": 2.5,
        "largest": 3,
    }
    assert conflict_rate(made, found) == pytest.approx(0.8)
    # The first two rows have one positive, and row 4 has that of row 3 too: 3 of 6 + 2 pairs.
    assert masked_share(made, found) == pytest.approx(3 / 8)


def test_no_batches_have_no_conflicts() -> None:
    nothing = order([], [])
    assert sizes(nothing.sizes) == {"batches": 0, "examples": 0}
    assert conflict_rate(examples([0], [[0]]), nothing) == 0.0
    assert masked_share(examples([0], [[0]]), nothing) == 0.0

"""How figures are written."""

from __future__ import annotations

import pytest

from negatives.wording import count, figure, megabytes, percent, seconds
from tests.each import for_each


@for_each(
    ("value", "expected"),
    [
        (0.0, "0"),
        (1.0, "1.00"),
        (-0.3471, "−0.347"),
        (0.9996, "1.00"),
        (12.345, "12.3"),
        (123.4, "123"),
        (12_345.0, "12,300"),
        (0.00012345, "0.000123"),
        (0.0000012345, "1.23e−06"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_figures_have_three_significant_digits(value: float | None, expected: str) -> None:
    assert figure(value) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0%"),
        (-0.0, "0%"),
        (1.0, "100%"),
        (0.8089, "80.9%"),
        (0.0001, "< 0.1%"),
        (0.99999, "> 99.9%"),
        (None, "–"),
    ],
)
def test_a_percentage_is_whole_only_when_it_is(share: float | None, expected: str) -> None:
    assert percent(share) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0001, "< 1 ms"),
        (0.0123, "12 ms"),
        (1.234, "1.23 s"),
        (75.0, "75.0 s"),
        (245.0, "4 min 05 s"),
        (7380.0, "2 h 03 min"),
        (None, "–"),
    ],
)
def test_seconds_read_as_people_say_them(value: float | None, expected: str) -> None:
    assert seconds(value) == expected


def test_counts_and_sizes() -> None:
    assert count(1_234_567) == "1,234,567"
    assert count(None) == "–"
    assert megabytes(214.4) == "214 MB"
    assert megabytes(2048.0) == "2.00 GB"

"""Verdicts that flip, and whether they flip to one side."""

from __future__ import annotations

from math import comb
from pathlib import Path

import pytest

import negatives as neg
from negatives import tiny
from negatives.measure.flips import Flips
from negatives.show.difference import difference
from negatives.show.difference_text import difference_text


def test_the_p_value_is_the_sum_of_what_is_no_more_probable() -> None:
    for gained in range(8):
        for lost in range(8):
            n = gained + lost
            each = [comb(n, k) / 2**n for k in range(n + 1)]
            expected = sum(p for p in each if p <= each[gained] * (1 + 1e-9))
            assert Flips(99, gained, lost).p == pytest.approx(min(1.0, expected))


def test_verdicts_are_told_apart_by_their_direction() -> None:
    found = Flips.of([True, True, False, False, True], [True, False, True, True, True])
    assert (found.items, found.gained, found.lost, found.share) == (5, 2, 1, 0.6)
    assert Flips.of([], []).p == 1.0
    with pytest.raises(ValueError, match="2 verdicts before, 1 after"):
        Flips.of([True, True], [True])


def test_a_difference_of_two_runs_tells_the_verdicts_that_flip(tmp_path: Path) -> None:
    data = tiny.collection()
    runs = [
        neg.mine(data, tmp_path / name, sources=[neg.Dense(top=5)], judges=judges, pick=neg.Top())
        for name, judges in (("all", []), ("few", [neg.PercentOfPositive(0.5)]))
    ]
    found = difference(runs[0], runs[1])
    flips = found.flips["pairs"]
    assert flips["gained"] == 0 < flips["lost"]
    assert flips["p"] == Flips(flips["items"], 0, flips["lost"]).p
    assert "written" not in found.flips
    assert "kept in 1 only, 0 in 2 only (McNemar's p" in " ".join(difference_text(found).split())

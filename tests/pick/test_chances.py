"""Pickers that draw: how often each pair comes first, against the law they state."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.pick.sampled import RandomPick
from negatives.pick.simans import SimANS, log_weights
from negatives.stage import Picker
from tests.each import for_each
from tests.pick.rows import rows

POSITIVE = 0.8
SCORES = np.array([0.9, 0.7, 0.5, 0.2])
"""The worked example: one positive, four candidates."""


def law(difference: np.ndarray[tuple[int], np.dtype[np.float64]], *setting: object) -> list[float]:
    """Probabilities from the log-weights."""
    a, offset, kernel = setting
    assert isinstance(a, float)
    assert isinstance(offset, float)
    weights = np.exp(log_weights(difference, a, offset, str(kernel)))
    return list(weights / weights.sum())


@pytest.mark.recipe("simans")
@pytest.mark.parametrize(
    ("a", "offset", "kernel", "expected"),
    [
        (0.0, 0.0, "squared", [0.25, 0.25, 0.25, 0.25]),
        # exp(-10 x^2), x = 0.1, -0.1, -0.3, -0.6: 0.9048, 0.9048, 0.4066, 0.0273
        (10.0, 0.0, "squared", [0.403303, 0.403303, 0.181216, 0.012179]),
        # The centre a tenth below the positive: x = 0.2, 0, -0.2, -0.5
        (10.0, -0.1, "squared", [0.276680, 0.412758, 0.276680, 0.033881]),
        # The centre a tenth above: x = 0, -0.2, -0.4, -0.7
        (10.0, 0.1, "squared", [0.532010, 0.356617, 0.107411, 0.003962]),
        (3.0, 0.0, "absolute", [0.360758, 0.360758, 0.197988, 0.080496]),
    ],
)
def test_the_worked_numbers_of_simans(
    a: float, offset: float, kernel: str, expected: list[float]
) -> None:
    assert law(SCORES - POSITIVE, a, offset, kernel) == pytest.approx(expected, abs=1e-6)


@given(st.floats(-50, 50))
def test_shifting_all_scores_changes_no_weight(shift: float) -> None:
    moved = (SCORES + shift) - (POSITIVE + shift)
    plain = log_weights(SCORES - POSITIVE, 2.0, 0.5)
    np.testing.assert_allclose(log_weights(moved, 2.0, 0.5), plain, atol=1e-10)


def test_differences_of_ten_thousand_keep_their_order() -> None:
    weights = log_weights(np.array([-1e4, -1e4 - 1, 1e4]), 0.5, 0.0)
    assert np.isfinite(weights).all()
    assert weights[0] > weights[1]


def ledger(hardness: list[float], queries: int) -> pl.DataFrame:
    """The same candidates for many queries: each query is one draw."""
    return rows(
        *(
            (f"q{query:05}", f"d{n}", value, n, n, 0.0)
            for query in range(queries)
            for n, value in enumerate(hardness)
        )
    )


def firsts(picker: Picker, hardness: list[float], queries: int) -> list[int]:
    """How often each candidate is a query's first."""
    chosen = picker.pick(ledger(hardness, queries), seed=3)
    first = chosen.unique("query_id", keep="first", maintain_order=True)
    return [first["doc_id"].to_list().count(f"d{n}") for n in range(len(hardness))]


def chi_square(counts: list[int], shares: list[float]) -> float:
    total = sum(counts)
    return sum(
        (count - share * total) ** 2 / (share * total)
        for count, share in zip(counts, shares, strict=True)
    )


@pytest.mark.slow
@for_each("a", [0.0, 0.5, 2.0])
@for_each("offset", [0.0, -1.0])
@for_each("kernel", ["squared", "absolute"])
def test_the_first_draw_of_simans_follows_its_law(a: float, offset: float, kernel: str) -> None:
    hardness = [0.5, 0.0, -0.5, -1.0, -2.0]
    picker = SimANS(a=a, center_offset=offset, kernel=kernel)  # type: ignore[arg-type]
    shares = law(np.array(hardness), a, offset, kernel)
    assert chi_square(firsts(picker, hardness, 5_000), shares) < 18.5  # 4 df, p = 0.001


def test_the_second_draw_of_simans_follows_what_is_left() -> None:
    hardness = [0.0, -1.0, -2.0]
    shares = law(np.array(hardness), 0.5, 0.0, "squared")
    chosen = SimANS(a=0.5, per_query=2).pick(ledger(hardness, 10_000), seed=1)
    orders = chosen.group_by("query_id", maintain_order=True).agg("doc_id")["doc_id"].to_list()
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    counts = [orders.count([f"d{i}", f"d{j}"]) for i, j in pairs]
    expected = [shares[i] * shares[j] / (1 - shares[i]) for i, j in pairs]
    assert chi_square(counts, expected) < 20.5  # 5 df, p = 0.001


def test_the_sharpest_simans_takes_the_nearest_to_its_centre() -> None:
    hardness = [0.4, -0.1, -0.8, -3.0]
    assert firsts(SimANS(a=1e9), hardness, 200) == [0, 200, 0, 0]
    assert firsts(SimANS(a=1e9, center_offset=-1.0), hardness, 200) == [0, 0, 200, 0]


def test_where_two_are_as_near_the_sharpest_simans_splits_evenly() -> None:
    above, below, _ = firsts(SimANS(a=1e9), [0.25, -0.25, -3.0], 4_000)
    assert above + below == 4_000
    assert abs(above - 2_000) < 4 * math.sqrt(4_000) / 2  # four standard deviations


def test_a_candidate_far_away_is_still_taken_when_the_others_have_run_out() -> None:
    frame = rows(("q", "a", -1e4, 1, 1, 0.0), ("q", "b", 0.0, 1, 1, 0.0))
    assert SimANS(per_query=2).pick(frame, seed=0)["doc_id"].to_list() == ["b", "a"]


@pytest.mark.parametrize("a", [0.0, 0.5])
def test_a_candidate_without_a_hardness_comes_after_all_others(a: float) -> None:
    frame = rows(("q", "a", None, 1, 1, 0.0), ("q", "b", -9.0, 1, 1, 0.0))
    for seed in range(10):
        assert SimANS(a=a).pick(frame, seed)["doc_id"].to_list() == ["b", "a"]


@pytest.mark.recipe("ance-static", "rocketqa-window")
def test_random_picks_every_candidate_as_often() -> None:
    counts = firsts(RandomPick(), [0.0] * 6, 6_000)
    assert chi_square(counts, [1 / 6] * 6) < 20.5  # 5 df, p = 0.001


def test_random_picks_are_in_the_order_drawn() -> None:
    frame = ledger([0.0] * 5, 200)
    one = RandomPick(per_query=2).pick(frame, seed=0)
    more = RandomPick(per_query=4).pick(frame, seed=0)
    place = pl.int_range(pl.len()).over("query_id")
    assert more.filter(place < 2).equals(one)


def test_picks_never_change() -> None:
    # Written down once: picks are part of a run's bytes.
    frame = rows(*(("q", f"d{n}", -0.5 * n, n, n, 0.0) for n in range(6)))
    assert "".join(RandomPick().pick(frame, 7)["doc_id"]) == "d1d2d4d5d0d3"
    assert "".join(SimANS().pick(frame, 7)["doc_id"]) == "d1d0d5d4d2d3"

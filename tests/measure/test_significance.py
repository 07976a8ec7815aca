"""Intervals and tests over queries, against enumerations and other implementations."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import InputError
from negatives.measure.significance import (
    EXACT,
    compare,
    holm,
    seed_spread,
    sign_flip,
)
from negatives.stats.bootstrap import interval, resampled_means

some_values = st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.1, 0.3, 1.0]), min_size=1, max_size=9)
some_p = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def frame(values: list[float], first: int = 0) -> pl.DataFrame:
    ids = [f"q{n + first}" for n in range(len(values))]
    return pl.DataFrame({"query_id": ids, "AP": values}, schema_overrides={"AP": pl.Float64})


@given(some_values)
def test_few_differences_are_flipped_in_every_way(values: list[float]) -> None:
    seen = abs(sum(values))
    worlds = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in product((1, -1), repeat=len(values))
    ]
    expected = np.mean([world >= seen - 1e-9 for world in worlds])
    found = sign_flip(np.array(values))
    assert found.exact
    assert found.p == pytest.approx(expected)


def test_drawn_worlds_agree_with_all_of_them() -> None:
    values = np.random.default_rng(3).normal(0.15, 0.5, EXACT)
    more = np.append(values, 1e-12)  # one more than is tried exhaustively, and no heavier
    drawn = sign_flip(more)
    assert not drawn.exact
    assert drawn.p == pytest.approx(sign_flip(values).p, abs=0.015)


def test_p_is_never_0_and_the_same_for_the_same_seed() -> None:
    found = sign_flip(np.linspace(0.1, 1, 60))
    assert found.p == 1 / 10_000
    assert sign_flip(np.linspace(-1, 1.2, 60), seed=4) == sign_flip(
        np.linspace(-1, 1.2, 60), seed=4
    )


def test_where_nothing_differs_chance_explains_everything() -> None:
    assert sign_flip(np.zeros(100)).p == 1


def test_the_test_is_right_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    p = [sign_flip(random.normal(0, 1, 40), seed=n, trials=199).p for n in range(400)]
    assert 0.025 <= np.mean(np.array(p) <= 0.05) <= 0.08


@given(some_p)
def test_holm_is_the_step_down_rule(p: list[float]) -> None:
    order = sorted(range(len(p)), key=lambda n: p[n])
    expected, worst = [0.0] * len(p), 0.0
    for place, n in enumerate(order):
        worst = max(worst, p[n] * (len(p) - place))
        expected[n] = min(1.0, worst)
    assert holm(p) == pytest.approx(expected)


def test_an_interval_is_close_to_that_of_scipy() -> None:
    values = np.random.default_rng(1).beta(0.5, 2, 60)
    for method, name in (("bca", "BCa"), ("percentile", "percentile")):
        ours = interval(values, resamples=9999, method=method)  # type: ignore[arg-type]
        theirs = scipy.stats.bootstrap(
            (values,), np.mean, n_resamples=9999, method=name, rng=np.random.default_rng(2)
        ).confidence_interval
        assert ours.low == pytest.approx(theirs.low, abs=0.003)
        assert ours.high == pytest.approx(theirs.high, abs=0.003)


def test_intervals_hold_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(7)
    held = 0
    for n in range(300):
        found = interval(random.beta(0.5, 1.5, 40), seed=n, resamples=400)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.25 <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_an_interval_is_the_same_in_one_piece_or_several(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random(50)
    whole = resampled_means(values, 5, 300)
    monkeypatch.setattr("negatives.stats.bootstrap._AT_ONCE", 700)
    assert (resampled_means(values, 5, 300) == whole).all()


def test_one_query_tells_nothing_of_others() -> None:
    assert interval(np.array([0.5])).low is None
    assert interval(np.array([0.5, 0.5])).high == 0.5


def test_a_confidence_is_a_share() -> None:
    with pytest.raises(InputError, match="a confidence of 95"):
        interval(np.array([0.1, 0.2]), confidence=95)


def test_models_are_compared_query_by_query() -> None:
    found = compare(frame([0.5, 0.7, 0.2, 0.4]), frame([0.4, 0.7, 0.3, 0.1]), "AP").as_dict()
    assert found["difference"] == pytest.approx(0.075)
    assert found["dz"] == pytest.approx(0.075 / np.std([0.1, 0, -0.1, 0.3], ddof=1), rel=1e-5)
    assert (found["better"], found["worse"], found["same"]) == (2, 1, 1)
    assert (found["exact"], found["trials"], found["queries"]) == (True, 8, 4)


def test_seeds_are_averaged_before_queries_are_counted() -> None:
    ours, theirs = frame([0.5, 0.7, 0.2]), frame([0.4, 0.6, 0.3])
    once = compare(ours, theirs, "AP")
    assert compare([ours] * 5, [theirs] * 5, "AP").as_dict() == once.as_dict()
    mixed = compare([frame([0.4, 0.6, 0.1]), frame([0.6, 0.8, 0.3])], theirs, "AP")
    assert mixed.difference.value == pytest.approx(once.difference.value)


def test_the_spread_of_seeds_is_told() -> None:
    seeds = [frame([0.4, 0.6]), frame([0.6, 0.8])]
    assert seed_spread(seeds, "AP") == {
        "seeds": 2, "mean": 0.6, "deviation": 0.141421, "lowest": 0.5, "highest": 0.7,
    }  # fmt: skip


def test_models_of_different_queries_are_not_compared() -> None:
    with pytest.raises(InputError, match="not evaluated on the same queries: 2 are of one only"):
        compare(frame([0.1, 0.2]), frame([0.1, 0.2], first=1), "AP")

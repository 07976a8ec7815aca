"""One at a time among drawn options: what it is with one, with all, and with a plain chooser."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare

from negatives.arrays import Doubles
from negatives.errors import RecipeError
from negatives.pick.one_by_one import OneByOne
from negatives.stats.greedy import Drawn, Farthest, Fixed, greedy_of_offers
from tests.pick.rows import rows

POINTS = np.random.default_rng(0).normal(size=(40, 2))


def drawn(turn: int) -> Doubles:
    return np.random.default_rng(turn).random(len(POINTS))


def chosen(count: int, options: int, choose: str = "farthest") -> list[int]:
    worth = Farthest(POINTS) if choose == "farthest" else Fixed(POINTS[:, 0])
    offers = Drawn(np.arange(len(POINTS)), drawn, options)
    return [int(row) for row in greedy_of_offers(worth, offers, count)]


def covered(chosen_ones: list[int]) -> float:
    """The largest distance of a point to the nearest chosen one."""
    apart = np.linalg.norm(POINTS[:, None] - POINTS[chosen_ones], axis=2)
    return float(apart.min(1).max())


@pytest.mark.recipe("add-one-in")
def test_with_all_as_options_it_is_the_farthest_first_of_k_centres() -> None:
    made = chosen(8, len(POINTS))
    assert made[0] == int(drawn(0).argmin())
    for n in range(1, 8):
        apart = np.linalg.norm(POINTS[:, None] - POINTS[made[:n]], axis=2).min(1)
        assert made[n] == int(apart.argmax())


def test_with_one_option_it_is_a_draw_and_with_more_it_covers_more() -> None:
    left = list(range(len(POINTS)))
    for turn, row in enumerate(chosen(6, 1)):
        assert row == min(left, key=lambda each: drawn(turn)[each])
        left.remove(row)
    radius = [covered(chosen(6, options)) for options in (1, 5, 40)]
    assert radius[0] > radius[1] > radius[2]


def test_a_chooser_of_the_hardest_takes_the_hardest_of_each_drawn_group() -> None:
    left = set(range(len(POINTS)))
    for turn, row in enumerate(chosen(5, 4, "hardest")):
        group = sorted(left, key=lambda each: drawn(turn)[each])[:4]
        assert row == max(group, key=lambda each: POINTS[each, 0])
        left.remove(row)


def test_which_option_is_taken_has_nothing_to_do_with_its_place() -> None:
    ledger = rows(
        *[(f"q{q}", f"d{d}", 0.0, None, None, None) for q in range(400) for d in range(6)]
    )
    values = np.random.default_rng(3).normal(size=len(ledger)).astype(np.float32)
    ledger = ledger.with_columns(hardness=pl.Series(values))
    picked = OneByOne(per_query=1, options=6, choose="hardest", by=["hardness"]).pick(ledger, 0)
    counts = Counter(picked["doc_id"])
    assert chisquare(list(counts.values())).pvalue > 0.01


def test_a_query_picks_the_same_whatever_is_beside_it_and_all_there_is() -> None:
    ledger = rows(*[(q, f"d{d}", 0.1 * d, d, d, float(d % 3)) for q in "ab" for d in range(7)])
    whole = OneByOne(per_query=4).pick(ledger, 5)
    alone = OneByOne(per_query=4).pick(ledger.filter(pl.col("query_id") == "b").reverse(), 5)
    assert alone.equals(whole.filter(pl.col("query_id") == "b"))
    every = OneByOne(per_query=30).pick(ledger, 5)
    assert len(every) == 14
    assert not every.is_duplicated().any()
    assert not OneByOne(per_query=4).pick(ledger, 6).equals(whole)
    assert OneByOne().pick(ledger.clear(), 0).is_empty()
    with pytest.raises(RecipeError, match="no numeric column 'nothing'"):
        OneByOne(by=["nothing"]).pick(ledger, 0)
    with pytest.raises(RecipeError, match="no scores"):
        OneByOne().pick(ledger.drop("bm25_score"), 0)

"""Which pairs a budget goes to, by each choice."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from negatives.errors import InputError
from negatives.estimate.budget import choose
from negatives.estimate.choices import CHOICES
from negatives.schema import ELIGIBLE

SCHEMA = {
    "query_id": pl.String, "doc_id": pl.String, "p_relevant": pl.Float32, "hardness": pl.Float32,
    "picked": pl.Boolean,
}  # fmt: skip


def first(
    rows: Sequence[tuple[str, str, float | None, float, bool]], choice: str, count: int
) -> list[str]:
    """The documents that a budget goes to."""
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(
        verdict=pl.lit(ELIGIBLE), proposed=pl.lit(False)
    )
    chosen = choose(frame, count, 5, 0, choice, price=2.0)
    return chosen.filter(why="value")["doc_id"].to_list()


PAIRS: list[tuple[str, str, float | None, float, bool]] = [
    ("q", "a-hard-and-sure", 0.01, 1.0, True),
    ("q", "b-hard-and-unsure", 0.3, 1.0, True),
    ("q", "c-left-for-its-price", 0.4, 1.2, False),
    ("q", "d-left-for-its-hardness", 0.5, -3.0, False),
]


def test_a_pair_is_asked_about_whose_answer_changes_a_pick_and_wins_hardness() -> None:
    """Of d the answer is least known, but it is no pick whatever it is."""
    assert first(PAIRS, "unsure", 2) == ["b-hard-and-unsure", "c-left-for-its-price"]
    # c: (1 - 0.4) (1.2 - 0.4); b: 0.3 (0.4 - (1.0 - 2)); a: 0.01 of the same; d: nothing.
    assert first(PAIRS, "gain", 1) == ["c-left-for-its-price"]
    assert first(PAIRS, "gain", 2) == ["b-hard-and-unsure", "c-left-for-its-price"]
    assert "d-left-for-its-hardness" not in first(PAIRS, "gain", 3)


@pytest.mark.method("active-judging")
def test_where_p_may_be_wrong_the_least_that_it_may_win_counts() -> None:
    rows = [
        ("q", "a-picked", 0.02, 0.5, True),
        ("q", "b-sure-gain", 0.35, 1.1, False),
        ("q", "c-more-but-doubtful", 0.6, 1.5, False),
    ]
    # b: 0.65 x 0.64 = 0.42, at worst 0.38 x 0.64; c: 0.4 x 1.04 = 0.42, at worst 0.18 x 1.04.
    assert first(rows, "active-judging", 1) == ["b-sure-gain"]


def test_a_budget_is_shared_out_among_queries() -> None:
    rows = [
        (f"q{q}", f"q{q}d{d}", 0.5 if q == 0 else 0.2, 1.0, True)
        for q in range(4)
        for d in range(5)
    ]
    greedy = first(rows, "unsure", 5)
    shared = first(rows, "judging-budget-allocation", 5)
    assert {doc[:2] for doc in greedy} == {"q0"}
    assert {doc[:2] for doc in shared} == {"q0", "q1", "q2", "q3"}
    assert sum(doc.startswith("q0") for doc in shared) == 2


@pytest.mark.method("robust-active-distillation")
def test_a_draw_is_in_proportion_and_the_same_every_time() -> None:
    rows = [("q", f"d{d:03}", 0.5 if d % 2 else 0.01, 1.0, True) for d in range(200)]
    drawn = first(rows, "robust-active-distillation", 50)
    assert drawn == first(rows[::-1], "robust-active-distillation", 50)
    unsure = sum(int(doc[1:]) % 2 for doc in drawn)
    assert 35 < unsure < 50, "mostly those that say something, but not only"


def test_every_choice_asks_no_more_than_the_budget_and_takes_unknown_p_and_an_unknown_name() -> (
    None
):
    rows = [("q", f"d{d}", None if d % 3 else 0.4, float(d), d < 3) for d in range(8)]
    for choice in CHOICES:
        assert 0 < len(first(rows, choice, 4)) <= 4, choice
    with pytest.raises(InputError, match="did you mean 'gain'"):
        first(rows, "gains", 4)

"""Positive-aware rules: the worked numbers of the papers, both signs, and no survivor too high."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.judge.positive_aware import (
    AbsoluteScore,
    Margin,
    OutOfReach,
    PercentOfPositive,
    PositiveAware,
)
from negatives.opening import JudgeContext
from tests.build import collection
from tests.each import for_each

DATA = collection({"d": "text"}, {"q": "text"})


def context(scratch: Path, reference: str = "dense") -> JudgeContext:
    return JudgeContext(collection=DATA, scratch=scratch, reference=reference)


def scored(*queries: tuple[list[float | None], list[float | None]]) -> pl.DataFrame:
    """Rows of the runner's table from each query's scores of positives and of candidates."""
    rows: list[tuple[int, int, int | None, float | None]] = []
    for query, (positives, candidates) in enumerate(queries):
        rows += [(query, n, 1, score) for n, score in enumerate(positives)]
        rows += [(query, 100 + n, None, score) for n, score in enumerate(candidates)]
    schema = {
        "query": pl.UInt32,
        "doc": pl.UInt32,
        "relevance": pl.Int32,
        "dense_score": pl.Float32,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def survivors(rule: PositiveAware, rows: pl.DataFrame) -> list[float | None]:
    """Scores of the unjudged rows that the rule has no objection to."""
    opinion = rule.open(context(Path())).judge(rows)
    assert len(opinion) == len(rows)
    joined = pl.concat([rows, opinion], how="horizontal")
    kept = joined.filter(pl.col("relevance").is_null(), pl.col("verdict").is_null())
    return [None if score is None else round(score, 4) for score in kept["dense_score"]]


WORKED = scored(([0.8], [0.82, 0.77, 0.755, 0.74, 0.5]))


def test_a_margin_of_a_twentieth_keeps_what_lies_below_075() -> None:
    # 0.8 - 0.05 = 0.75
    assert survivors(Margin(0.05), WORKED) == [0.74, 0.5]


@pytest.mark.recipe("nv-retriever")
def test_95_percent_keeps_what_lies_below_076() -> None:
    # 0.95 x 0.8 = 0.76
    assert survivors(PercentOfPositive(0.95), WORKED) == [0.755, 0.74, 0.5]


def test_95_percent_of_a_negative_score_lies_below_it_and_not_above() -> None:
    # s+ = -0.2: the bare product 0.95 x -0.2 = -0.19 lies above s+; the cut is -0.2 - 0.01 = -0.21.
    rows = scored(([-0.2], [-0.15, -0.195, -0.205, -0.215, -0.9]))
    assert survivors(PercentOfPositive(0.95), rows) == [-0.215, -0.9]
    cut = PercentOfPositive(0.95).open(context(Path())).judge(rows)["percent_of_positive_cut"]
    assert cut[0] == pytest.approx(-0.21)


def test_an_absolute_score_is_the_same_cut_for_every_query() -> None:
    rows = scored(([0.9], [0.71, 0.7, 0.69]), ([0.1], [0.71, 0.5]))
    assert survivors(AbsoluteScore(0.7), rows) == [0.69, 0.5]


def test_an_absolute_score_may_be_too_low_as_well(tmp_path: Path) -> None:
    rows = scored(([0.9], [0.71, 0.3, 0.2999]), ([0.1], [0.2, 0.5]))
    assert survivors(AbsoluteScore(0.7, minimum=0.3), rows) == [0.3, 0.5]
    floor = AbsoluteScore("none", minimum=0.3)
    assert survivors(floor, rows) == [0.71, 0.3, 0.5]
    reasons = floor.open(context(tmp_path)).judge(rows)["reason"].drop_nulls().to_list()
    assert reasons == [f"absolute-score: dense {low} < 0.3" for low in (0.2999, 0.1, 0.2)]
    assert floor.fix == "lower absolute-score minimum below 0.3"
    for low, high in (("none", "none"), (0.7, 0.7)):
        with pytest.raises(RecipeError):
            AbsoluteScore(high, minimum=low)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", [PercentOfPositive(1.0), Margin(0.0)])
def test_at_its_loosest_a_rule_keeps_everything_strictly_below_the_positive(
    rule: PositiveAware,
) -> None:
    rows = scored(([0.8], [0.8, 0.7999, 0.81]), ([-0.5], [-0.5, -0.5001, 0.0]))
    assert survivors(rule, rows) == [0.7999, -0.5001]


def test_of_several_positives_the_lowest_counts() -> None:
    rows = scored(([0.9, 0.6, 0.8], [0.7, 0.56, 0.54]))
    assert survivors(Margin(0.05), rows) == [0.54]


@pytest.mark.recipe("passages")
def test_a_positive_that_many_candidates_reach_is_not_to_be_outdone() -> None:
    rows = scored(([0.9, 0.2], [0.95, 0.9, 0.5]), ([0.3], [0.9, 0.8, 0.7, 0.1]), ([None], [0.9]))
    assert survivors(OutOfReach(2, keep=1), rows) == [0.95, 0.9, 0.5, 0.1, 0.9]
    assert survivors(OutOfReach(1, keep=1), rows) == [0.5, 0.1, 0.9]
    assert survivors(OutOfReach(1, keep=2), rows) == [0.9, 0.5, 0.7, 0.1, 0.9]
    assert survivors(OutOfReach(3, keep=1), rows) == [0.95, 0.9, 0.5, 0.9, 0.8, 0.7, 0.1, 0.9]


def test_a_share_can_be_taken_above_the_score_of_a_random_pair() -> None:
    # Scores live above 0.7: half of s+ - 0.7 = 0.2 gives a cut of 0.8, where half of 0.9 is 0.45.
    rows = scored(([0.9], [0.81, 0.79, 0.71]))
    assert survivors(PercentOfPositive(0.5, centre=0.7), rows) == [0.79, 0.71]
    assert survivors(PercentOfPositive(0.5), rows) == []


def test_a_query_whose_positives_have_no_score_is_not_cut() -> None:
    rows = scored(([None], [0.9, 0.1]), ([0.5], [0.9, 0.1]))
    assert survivors(Margin(0.05), rows) == [0.9, 0.1, 0.1]


def test_a_candidate_without_a_score_meets_no_objection() -> None:
    assert survivors(Margin(0.05), scored(([0.5], [None, 0.9]))) == [None]


RANDOM = np.random.default_rng(0)
CASES = scored(
    *((RANDOM.normal(size=1 + n % 3).tolist(), RANDOM.normal(size=20).tolist()) for n in range(500))
)
"""10,000 candidates of 500 queries; about half of the lowest positives are below zero."""


def lowest_positive() -> pl.Expr:
    return pl.col("dense_score").filter(pl.col("relevance") == 1).min().over("query")


@for_each("percent", [0.5, 0.8, 0.95, 1.0])
@for_each("centre", [0.0, -1.0, 0.7])
def test_no_survivor_reaches_the_percentage(percent: float, centre: float) -> None:
    opinion = PercentOfPositive(percent, centre=centre).open(context(Path())).judge(CASES)
    kept = CASES.with_columns(opinion["verdict"], lowest=lowest_positive().cast(pl.Float64)).filter(
        pl.col("verdict").is_null(), pl.col("relevance").is_null()
    )
    cut = kept["lowest"] - (kept["lowest"] - centre).abs() * (1 - percent)
    assert len(kept) > 500
    assert (kept["dense_score"] < kept["lowest"]).all()
    assert (kept["dense_score"] < cut + 1e-6).all()


@pytest.mark.parametrize("margin", [0.0, 0.05, 1.0])
def test_no_survivor_comes_within_the_margin(margin: float) -> None:
    opinion = Margin(margin).open(context(Path())).judge(CASES)
    kept = CASES.with_columns(opinion["verdict"], lowest=lowest_positive().cast(pl.Float64)).filter(
        pl.col("verdict").is_null(), pl.col("relevance").is_null()
    )
    assert len(kept) > 500
    assert (kept["dense_score"] < kept["lowest"] - margin + 1e-6).all()


@pytest.mark.parametrize(
    "rules",
    [
        [PercentOfPositive(percent) for percent in (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)],
        [Margin(margin) for margin in (2.0, 1.0, 0.5, 0.05, 0.0)],
        [AbsoluteScore(maximum) for maximum in (-2.0, -0.5, 0.0, 0.7, 3.0)],
    ],
)
def test_a_looser_rule_keeps_all_that_a_stricter_one_keeps(rules: list[PositiveAware]) -> None:
    before: set[int] = set()
    for rule in rules:
        verdict = rule.open(context(Path())).judge(CASES)["verdict"]
        kept = set(verdict.is_null().arg_true().to_list())
        assert before <= kept
        before = kept


def test_the_order_of_the_rows_changes_no_verdict() -> None:
    shuffled = CASES.with_row_index().sample(fraction=1, shuffle=True, seed=1)
    judged = PercentOfPositive().open(context(Path())).judge(shuffled.drop("index"))
    straight = PercentOfPositive().open(context(Path())).judge(CASES)
    assert judged.with_columns(shuffled["index"]).sort("index").drop("index").equals(straight)


def test_the_reason_names_the_rule_and_both_numbers() -> None:
    opinion = PercentOfPositive(0.95).open(context(Path())).judge(WORKED)
    assert opinion["reason"][1] == "percent-of-positive: dense 0.82 >= 0.76"
    assert opinion["verdict"][1] == "rejected"
    assert opinion["reason"][3] is None


def test_the_cut_is_evidence_for_every_row() -> None:
    opinion = Margin(0.05).open(context(Path())).judge(WORKED)
    assert opinion.columns == ["margin_cut", "verdict", "reason"]
    assert opinion["margin_cut"].to_list() == pytest.approx([0.75] * 6)


def test_another_source_can_be_the_scorer() -> None:
    rows = WORKED.rename({"dense_score": "bm25_score"})
    opinion = Margin(0.05, scorer="bm25").open(context(Path())).judge(rows)
    assert opinion["verdict"].null_count() == 2


def test_a_scorer_that_is_no_source_is_told_the_nearest() -> None:
    ruling = Margin(scorer="dens").open(context(Path()))
    with pytest.raises(RecipeError) as caught:
        ruling.judge(WORKED)
    assert str(caught.value) == (
        "no source of the run is called 'dens'\n  fix:   did you mean 'dense'?"
    )


def test_without_any_scorer_a_rule_says_what_to_add() -> None:
    with pytest.raises(RecipeError) as caught:
        Margin().open(context(Path(), reference=""))
    assert str(caught.value) == (
        "margin needs scores, and no source of the recipe gives them\n"
        '  fix:   add a [[find]] stage of kind "dense" or "bm25"'
    )


@pytest.mark.parametrize(
    ("rule", "advice"),
    [
        (
            PercentOfPositive(0.9),
            "raise percent-of-positive percent above 0.9 (1 keeps all below the positive)",
        ),
        (Margin(0.05), "lower margin below 0.05"),
        (AbsoluteScore(0.7), "raise absolute-score maximum above 0.7"),
    ],
)
def test_the_advice_points_the_way_that_rejects_less(rule: PositiveAware, advice: str) -> None:
    assert rule.fix == advice

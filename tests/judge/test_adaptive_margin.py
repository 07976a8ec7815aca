"""The adaptive margin: both rules' worked numbers at once, and queries that are left nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.events import Event, Warned
from negatives.judge.adaptive_margin import AdaptiveMargin
from negatives.judge.positive_aware import Margin, PercentOfPositive
from negatives.opening import JudgeContext
from tests.judge.test_positive_aware import CASES, DATA, WORKED, context, scored, survivors


@pytest.mark.recipe("lg-anna")
def test_the_lower_cut_of_the_two_rules_holds() -> None:
    # A positive of 0.8: absolute 0.05 cuts at 0.75, relative 0.95 at 0.76; 0.755 survives one only.
    assert survivors(AdaptiveMargin(margin=0.05, percent=0.95), WORKED) == [0.74, 0.5]
    assert survivors(AdaptiveMargin(margin=0.0, percent=0.95), WORKED) == [0.755, 0.74, 0.5]
    assert survivors(AdaptiveMargin(margin=0.05, percent=1.0), WORKED) == [0.74, 0.5]


def test_each_query_has_its_own_cut_and_of_several_positives_the_lowest_counts() -> None:
    rows = scored(([0.9, 0.4], [0.5, 0.36, 0.3]), ([0.9], [0.5, 0.86, 0.3]))
    assert survivors(AdaptiveMargin(), rows) == [0.3, 0.5, 0.3]


def test_at_its_loosest_it_keeps_exactly_what_lies_strictly_below_the_positive() -> None:
    rows = scored(([0.8], [0.8, 0.7999, 0.81, -3.0]))
    assert survivors(AdaptiveMargin(margin=0, percent=1), rows) == [0.7999, -3.0]


@pytest.mark.parametrize(("margin", "percent"), [(0.05, 0.95), (0.5, 1.0), (0.0, 0.5)])
def test_what_survives_is_what_survives_both_rules(margin: float, percent: float) -> None:
    verdicts = [
        rule.open(context(Path())).judge(CASES)["verdict"].is_null()
        for rule in (
            AdaptiveMargin(margin=margin, percent=percent),
            Margin(margin),
            PercentOfPositive(percent),
        )
    ]
    assert (verdicts[0] == (verdicts[1] & verdicts[2])).all()


def test_a_query_that_is_left_nothing_is_counted_and_the_run_is_warned() -> None:
    heard: list[Event] = []
    rows = scored(([0.1], [0.5, 0.6]), ([0.9], [0.5, 0.89]))
    opened = AdaptiveMargin().open(
        JudgeContext(collection=DATA, scratch=Path(), reference="dense", emit=heard.append)
    )
    opinion = opened.judge(rows)
    assert opinion["adaptive_margin_left"].to_list() == [0, 0, 0, 1, 1, 1]
    assert opinion["verdict"].to_list()[:3] == ["rejected"] * 3
    warnings = [event.text for event in heard if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "adaptive_margin_left = 0" in warnings[0]


def test_nothing_is_warned_of_where_every_query_is_left_something() -> None:
    heard: list[Event] = []
    opened = AdaptiveMargin().open(
        JudgeContext(collection=DATA, scratch=Path(), reference="dense", emit=heard.append)
    )
    opened.judge(WORKED)
    opened.judge(WORKED.clear())
    opened.judge(scored(([0.1], [])))  # no candidate, so none was taken
    assert heard == []


def test_the_order_of_the_rows_changes_nothing() -> None:
    ruling = AdaptiveMargin().open(context(Path()))
    assert ruling.judge(CASES.reverse()).reverse().equals(ruling.judge(CASES))


@pytest.mark.parametrize("score", [None, np.nan, 0.5])
def test_no_score_not_a_number_and_the_same_score_are_safe(score: float | None) -> None:
    rows = WORKED.with_columns(dense_score=pl.lit(score, pl.Float32))
    opinion = AdaptiveMargin().open(context(Path())).judge(rows)
    assert len(opinion) == len(rows)


def test_the_reason_and_the_advice_name_the_rule_and_its_settings() -> None:
    opinion = AdaptiveMargin().open(context(Path())).judge(WORKED)
    assert opinion["reason"][3] == "adaptive-margin: dense 0.755 >= 0.75"
    assert AdaptiveMargin().fix == (
        "lower adaptive-margin margin below 0.05 and raise its percent above 0.95"
    )


def test_without_any_scorer_it_says_what_to_add() -> None:
    with pytest.raises(RecipeError, match="adaptive-margin needs scores"):
        AdaptiveMargin().open(context(Path(), reference=""))

"""How a report and a terminal tell the share of false negatives, and that it is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.measure.certificate import KNOWN, MODEL, REVIEW, Certificate
from negatives.measure.estimate import Estimate
from negatives.show import headline, render, summarise
from tests.show.made import Page, mined


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return mined(tmp_path_factory.mktemp("certificate") / "run")


@pytest.fixture
def summary(run: neg.Run) -> dict[str, Any]:
    return summarise(run)


def estimated(summary: dict[str, Any], *, leaks: int = 12) -> dict[str, Any]:
    """The summary, as if the run had told both of what a run can tell."""
    details = {
        "picked": leaks,
        "put back": 240,
        "leak rate": leaks / 240,
        "leak rate at most": 0.071,
        "unlabelled relevant candidates": 431.2,
        "threshold": {
            "alpha": 0.1,
            "p_relevant": 0.0123,
            "chosen on": 120,
            "checked on": 119,
            "share below": 0.084,
        },
    }
    made = Certificate(
        1400,
        0.9,
        {
            MODEL: Estimate(value=0.018, low=0.015, high=0.021, confidence=0.9, assumption="a"),
            KNOWN: Estimate(
                value=0.022, high=0.031, confidence=0.9, assumption="b", details=details
            ),
            REVIEW: Estimate(confidence=0.9, assumption="c", why="nobody judged"),
        },
    )
    summary["sections"]["certificate"] = made.as_dict()
    return summary


def words(summary: dict[str, Any]) -> str:
    return " ".join(" ".join(Page(render(summary)).words).split())


def test_a_terminal_gets_one_line(summary: dict[str, Any]) -> None:
    assert (
        "  false       expected 1.8% (model), at most 3.1% with 90% confidence "
        "(known positives put back)\n"
    ) in headline(estimated(summary))


def test_a_bound_below_the_expectation_is_told_as_that_of_another_estimate(
    summary: dict[str, Any],
) -> None:
    told = estimated(summary)
    told["sections"]["certificate"]["estimates"][MODEL]["value"] = 0.05
    assert (
        "  false       expected 5.0% (model), and by another estimate, which is lower, "
        "at most 3.1% with 90% confidence (known positives put back)\n"
    ) in headline(told)


def test_a_page_tells_each_estimate_with_what_it_holds_under(summary: dict[str, Any]) -> None:
    said = words(estimated(summary))
    for part in (
        "How many are false, and how sure that is",
        "1.8% by the model's own estimate; at most 3.1% , with 90% confidence",
        "p_relevant of the negatives 1.8% 1.5% to 2.1% Holds if a.",
        "Known positives put back 2.2% at most 3.1% Holds if b.",
        "Not given: nobody judged.",
        "each of 240 known positives was put back among the candidates as if nobody had ",
        "12 of them would then have become negatives: 5.0%",
        "that really have no label, about 431 by p_relevant , are therefore expected among the "
        "negatives: 2.2%",
        "set max_p to 0.0123",
        "at most 10.0% of the relevant candidates are below it",
    ):
        assert part in said


def test_a_page_is_well_made_with_and_without_estimates(summary: dict[str, Any]) -> None:
    for made in (summary, estimated(summary, leaks=1)):
        assert Page(render(made)).unbalanced == []


def test_what_is_not_known_is_no_number(run: neg.Run, summary: dict[str, Any]) -> None:
    assert "\n  false " not in headline(summary)
    said = words(summary)
    assert "How many of the negatives are false cannot be told from this run alone." in said
    assert "Not given: p_relevant is null: the recipe has no [estimate]" in said


@pytest.mark.slow
def test_a_run_that_estimates_tells_it_when_it_is_mined(tmp_path: Path) -> None:
    data = neg.Collection.load("cranfield")
    run = neg.mine(
        data,
        tmp_path / "run",
        sources=[neg.BM25(top=20)],
        estimate=neg.Evidence(words=False),
        pick=neg.RiskLimited(per_query=2),
    )
    said = headline(summarise(run))
    assert "  false       expected " in said
    assert "with 90% confidence (known positives put back)" in said

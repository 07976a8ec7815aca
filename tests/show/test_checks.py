"""How a report tells what checks of `negatives audit` answered, and that none was asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import negatives as neg
from negatives.show import render, summarise
from negatives.show.notices import notices
from negatives.store.facts import Checked
from tests.show.made import HOSTILE, Page, mined, section

WRONG = Checked(
    check="shortcuts",
    about=f"AUROC of the word {HOSTILE} alone",
    confidence=0.95,
    advice="read some beside positives",
    alarm=True,
    value=0.912345,
    low=0.89,
    high=0.93,
    assumption="documents are like others",
    settings={"most": 0.7},
    truth=True,
    details={"pairs": 12},
)
FINE = Checked(
    check="equity", about="difference", confidence=0.99, advice="go on", alarm=False, value=0.01,
    high=0.2,
)  # fmt: skip
UNKNOWN = Checked(
    check="blind", about="share", confidence=0.95, advice="give more", why="too few pairs"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return mined(tmp_path_factory.mktemp("checks") / "run")


def summary(run: neg.Run, *checks: Checked) -> dict[str, Any]:
    """What the report says where these were kept, as a manifest brings them back."""
    opened = run.reopened()
    opened.manifest.notes.checks = [
        msgspec.json.decode(msgspec.json.encode(each), type=Checked) for each in checks
    ]
    return summarise(opened)


def test_where_none_was_asked_one_line_says_how(run: neg.Run) -> None:
    made = summary(run)
    assert section(made, "checks") == {"alarms": [], "asked": []}
    text = Page(render(made)).text
    assert f"Not asked: negatives audit {run.path} --checks all" in text


def test_each_is_told_with_verdict_figure_interval_assumption_and_what_to_do(run: neg.Run) -> None:
    made = summary(run, UNKNOWN, FINE, WRONG)
    assert [each["check"] for each in section(made, "checks")["asked"]] == [
        "shortcuts", "blind", "equity",
    ]  # fmt: skip
    text = Page(render(made)).text
    assert "1 of 3 checks sounded an alarm." in text
    assert "shortcuts (most 0.7)alarm0.9120.890 to 0.930 (95%)" in text
    assert "Holds if documents are like others." in text
    assert "Judgements that the run did not see were given. Read some beside positives." in text
    assert "equityno alarm0.0100at most 0.200 (99%)" in text
    assert "blindnot known–– Share: too few pairs. Give more." in text


def test_what_a_check_says_is_text_and_never_markup(run: neg.Run) -> None:
    html = render(summary(run, WRONG))
    assert "<script>alert" not in html
    page = Page(html)
    assert page.unbalanced == []
    assert page.open == []


def test_an_alarm_is_worth_knowing_and_no_alarm_is_not(run: neg.Run) -> None:
    told = [each["text"] for each in notices(summary(run, WRONG, FINE)["sections"])]
    assert "1 check found something: shortcuts" in told
    calm = [each["section"] for each in notices(summary(run, FINE)["sections"])]
    assert "checks" not in calm

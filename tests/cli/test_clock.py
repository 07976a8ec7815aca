"""`negatives mine` ends by saying where its time went: this call's, not that of earlier ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from negatives.cli.clock import Clock
from negatives.events import Event, Progress, Took
from tests.cli.commands import negatives

LINE = re.compile(
    r"^  time        (\d+\.\d) s: (.*?)(?:, )?the rest (\d+\.\d); peak [\d.]+ [MG]B$", re.MULTILINE
)


class Hand:
    """A clock's hand that moves when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(
            "negatives.cli.clock.time", SimpleNamespace(perf_counter=lambda: self.now)
        )


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    return Hand(monkeypatch)


def test_stages_come_in_the_order_of_the_work_with_what_is_opened_for_them(hand: Hand) -> None:
    clock, heard = Clock(), list[Event]()
    hear = clock.hearing(heard.append)
    events: list[Event] = [
        Took("open near-duplicate", 0.5), Took("open bm25", 0.25), Took("open dense", 1.0),
        Progress("find", 0, 9), Took("find bm25", 1.0), Took("find dense", 2.0),
        Took("judge", 0.75), Took("pick", 0.04), Took("report", 1.0), Took("fit", 2.5),
    ]  # fmt: skip
    for event in events:
        if isinstance(event, Took):
            hand.now += event.seconds
        hear(event)
    hear(Progress("find", 9, 9))
    hand.now += 1
    said = clock.line(["bm25", "dense"])
    assert said.startswith(
        "10.0 s: find 4.2 (bm25 1.2, dense 3.0), judge 1.2, fit 2.5, report 1.0, the rest 1.0; peak"
    )
    assert heard[:10] == events


def test_sources_asked_by_several_processes_share_the_time_that_passed(hand: Hand) -> None:
    clock = Clock()
    hear = clock.hearing(lambda event: None)
    hear(Progress("find", 0, 9))
    for _ in range(4):
        hear(Took("find bm25", 1.0))
        hear(Took("find dense", 3.0))
    hand.now = 8.0
    hear(Progress("find", 9, 9))
    assert clock.line(["bm25", "dense"]).startswith(
        "8.0 s: find 8.0 (bm25 2.0, dense 6.0), the rest 0.0; peak"
    )


def test_one_source_is_not_told_apart_and_long_times_need_no_tenths(hand: Hand) -> None:
    clock = Clock()
    clock.hearing(lambda event: None)(Took("open given", 1234.56))
    hand.now = 1300.04
    assert clock.line(["given"]).startswith("1,300 s: find 1,235, the rest 65.5; peak")


def test_a_run_that_goes_on_says_what_this_call_spent(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    words = ["salt sea", "bread dough", "plants water", "bees nectar"]
    rows = [{"query": f"why {each}", "positive": f"{each} because it is so"} for each in words]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("mine", pairs, "--out", tmp_path / "run", "--recipe", "bm25", "--quiet")
    first = negatives(*command)
    assert len(LINE.findall(first.stdout)) == 1
    assert first.stdout.splitlines()[-2].startswith("  time ")
    again = LINE.search(negatives(*command).stdout)
    assert again is not None
    assert not re.search("find|judge|pick|report", again[2])
    assert "  time " not in json.dumps(json.loads(negatives(*command, "--json").stdout))
    assert "  time " not in negatives("report", tmp_path / "run").stdout

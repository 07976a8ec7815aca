"""What checks answered is kept in the run, where the report finds it, until others are picked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import negatives as neg
from negatives.cli import app
from negatives.errors import InputError, RunError
from negatives.measure.audits import ask, keep, subject_of
from negatives.measure.audits.poisoning import Poisoning
from negatives.measure.audits.shortcuts import Shortcuts
from negatives.store.lock import locked


@pytest.fixture
def small(run: neg.Run, tmp_path: Path) -> neg.Run:
    """A copy of a run, which a test may change."""
    return neg.Run(shutil.copytree(run.path, tmp_path / "run"))


def asked(run: neg.Run) -> dict[str, object]:
    return {each.check: each.settings for each in run.reopened().manifest.notes.checks}


def test_answers_are_kept_each_in_the_place_of_its_last_one(small: neg.Run) -> None:
    subject = subject_of(small)
    keep(subject, [Poisoning()], ask(subject, [Poisoning()]))
    checks = [Shortcuts(most=0.9)]
    found = ask(subject, checks)
    keep(subject, checks, found)
    assert asked(small) == {"poisoning": {}, "shortcuts": {"most": 0.9}}
    keep(subject, [Shortcuts()], ask(subject, [Shortcuts()]))
    assert asked(small) == {"poisoning": {}, "shortcuts": {}}
    (kept,) = (each for each in small.reopened().manifest.notes.checks if each.check != "poisoning")
    told = found["shortcuts"].as_dict()
    assert (kept.value, kept.low, kept.high) == (told["value"], told["low"], told["high"])
    assert kept.details["pairs"] == told["pairs"]


def test_they_go_with_the_negatives_that_they_are_of(small: neg.Run) -> None:
    subject, checks = subject_of(small), [Poisoning()]
    found = ask(subject, checks)
    keep(subject, checks, found)
    picked = small.repick(neg.Top(per_query=2))
    assert asked(picked) == {}
    with pytest.raises(RunError, match="other negatives were picked while the checks were asked"):
        keep(subject, checks, found)
    assert picked.reopened().manifest.notes.checks == []


def test_a_file_has_no_place_for_them(triplets_file: Path) -> None:
    subject, checks = subject_of(triplets_file), [Poisoning()]
    with pytest.raises(InputError, match="name the run"):
        keep(subject, checks, ask(subject, checks))


def test_the_command_keeps_them_and_the_report_has_them(
    small: neg.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    low = ["--checks", "shortcuts,poisoning", "--set", "shortcuts.most=0.5"]
    app.run(["audit", str(small.path), *low, "--json"])
    said = capsys.readouterr()
    assert "negatives report" in said.err
    by_name = {each["check"]: each for each in json.loads(said.out)["checks"]}
    app.run(["report", str(small.path), "--json"])
    section = json.loads(capsys.readouterr().out)["sections"]["checks"]
    assert {each["check"] for each in section["asked"]} == {"poisoning", "shortcuts"}
    for each in section["asked"]:
        assert each["value"] == by_name[each["check"]]["value"]
        assert each["alarm"] == by_name[each["check"]]["alarm"]


def test_a_run_that_another_has_is_told_of_and_answered_all_the_same(
    small: neg.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(small.path):
        app.run(["audit", str(small.path), "--checks", "poisoning"])
    said = capsys.readouterr()
    assert "poisoning" in said.out
    assert "not kept in the run: another process is working on this run" in said.err
    assert asked(small) == {}

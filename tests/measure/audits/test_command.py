"""negatives audit --checks: what it prints, and when its exit code is 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import negatives as neg
from negatives.cli import app
from negatives.errors import InputError
from negatives.measure.audits import ask, subject_of
from negatives.measure.audits.check import decisive, verdict
from negatives.measure.estimate import Estimate
from tests.models.chat_server import serving


def command(*arguments: object) -> int:
    """The exit code of `negatives audit`."""
    try:
        return app.run(["audit", *map(str, arguments)])
    except SystemExit as left:
        return int(left.code or 0)


def test_checks_are_asked_of_a_file_and_what_they_lack_is_told(
    triplets_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(triplets_file, "--checks", "all", "--fail-on", "all", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    asked = {each["check"] for each in told["checks"]}
    assert asked == {"benchmark-noise", "blind", "poisoning", "shared-errors", "shortcuts"}
    assert set(told["not asked"]) == {
        "contamination",
        "equity",
        "judge-bias",
        "machine-text",
        "rag-harm",
        "source-bias",
        "unlearned",
        "verifier-bound",
    }
    assert told["alarms"] == []


def test_of_a_set_without_negatives_only_what_is_no_question_about_them_can_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"query": "why", "positive": "It is so."}\n')
    assert command(file, "--checks", "shortcuts") == 2
    assert "shortcuts cannot be asked: there is no negative" in capsys.readouterr().err
    assert command(file, "--checks", "contamination") == 2
    assert "no language model is named" in capsys.readouterr().err


def test_an_alarm_makes_the_exit_code_1_where_it_is_asked_to(
    triplets_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    low = ("--checks", "shortcuts", "--set", "shortcuts.most=0.5")
    assert command(triplets_file, *low) == 0
    assert "ALARM" in capsys.readouterr().out
    assert command(triplets_file, *low, "--fail-on", "shortcuts") == 1


def test_where_a_service_fails_what_the_other_checks_answer_is_told_all_the_same(
    triplets_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        server.script = lambda call, body: (200, "<html>")
        asked = ("--set", f"judge-bias.model={server.spec}", "--json", "--checks")
        assert command(triplets_file, *asked, "judge-bias,benchmark-noise") == 1
        told = capsys.readouterr()
        assert "no usable answer" in told.err
        found = json.loads(told.out)
        assert [each["check"] for each in found["checks"]] == ["benchmark-noise"]
        assert "no usable answer" in found["failed"]["judge-bias"]
        assert command(triplets_file, *asked, "judge-bias") == 1, "nothing else is asked"
        assert capsys.readouterr().out == ""


def test_a_server_that_is_silent_is_waited_for_by_one_check_and_not_again_by_another(
    triplets_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        server.seconds = 4
        asked = ["shared-errors", "judge-bias", "benchmark-noise"]
        of = [f"shared-errors.encoder={server.spec}", f"judge-bias.model={server.spec}?seconds=1"]
        changes = [part for each in of for part in ("--set", each)]
        assert command(triplets_file, *changes, "--checks", ",".join(sorted(asked))) == 1
        assert all("messages" in body for body in server.bodies), "and no text to be encoded"
    told = capsys.readouterr()
    assert "judge-bias      failed: no whole reply in 1 seconds" in told.out
    again = f"not asked again: {server.spec.partition('#')[0]} has not answered judge-bias"
    assert f"shared-errors   failed: {again}" in told.out
    assert "benchmark-noise no alarm" in told.out


def test_where_one_check_names_what_is_broken_what_the_others_answer_is_told_all_the_same(
    triplets_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}")
    asked = ("--checks", "benchmark-noise,machine-text", "--set", f"machine-text.model={tmp_path}")
    assert command(triplets_file, *asked) == 2
    told = capsys.readouterr()
    assert "benchmark-noise no alarm" in told.out
    assert "machine-text    failed: the folder has no safetensors weights" in told.out
    assert str(tmp_path) in told.err


def test_what_must_stop_a_pipeline_and_cannot_be_asked_is_no_clean_bill(
    triplets_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(triplets_file, "--checks", "all", "--fail-on", "equity") == 2
    assert "equity cannot be asked: the queries have no field 'type'" in capsys.readouterr().err
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"query": "why", "positive": "It is so."}\n')
    assert command(file, "--checks", "all") == 0
    assert command(file, "--checks", "all", "--fail-on", "all") == 2
    assert "none of the checks can be asked" in capsys.readouterr().err


def test_judgements_of_nothing_that_is_there_are_refused(
    triplets_file: Path, run: neg.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for subject, query, doc, what in (
        (triplets_file, "1", "1", "of a query that is there: 'q-"),
        (run.path, "1", "nowhere", "of a document that is there: '1'"),
        (run.path, "nobody", "1", "of a query that the run has negatives of: '1'"),
    ):
        truth = tmp_path / "truth.tsv"
        truth.write_text(f"query-id\tcorpus-id\tscore\n{query}\t{doc}\t1\n")
        asked = ("--checks", "benchmark-noise", "--truth", truth)
        assert command(subject, *asked) == 2, what
        assert f"none of the judgements is {what}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--checks", "all,equity"), "all is every check, and beside it equity is named"),
        (("--checks", "equity"), "equity cannot be asked: the queries have no field 'type'"),
        (("--checks", "poisonig"), "did you mean 'poisoning'?"),
        (("--checks", "poisoning", "--fail-on", "equity"), "that is not asked"),
        (("--checks", "poisoning", "--set", "equity.by=x"), "settings of equity, which is not"),
        (("--checks", "poisoning", "--planted"), "with no other way to audit"),
        ((), "negatives audit FILE --checks all"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_work(
    triplets_file: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    assert command(triplets_file, *arguments) == 2
    assert message in capsys.readouterr().err


def test_nothing_to_ask_is_refused(run: neg.Run) -> None:
    with pytest.raises(InputError, match="no check is named"):
        ask(subject_of(run), [])


def test_an_interval_that_reaches_beyond_the_alarm_is_no_all_clear() -> None:
    for low, high, told in (
        (0.2, 0.9, (True, "stop")),
        (-0.1, 0.05, (False, "go on")),
        (-0.1, 1.7, (False, "this does not tell")),
        (None, None, (False, "this does not tell")),
        (None, 0.05, (False, "go on")),
    ):
        found = Estimate(value=0.0, low=low, high=high, confidence=0.95, assumption="")
        alarm, advice = verdict(found, 0.1, "stop", "go on")
        assert (alarm, advice.split(":")[0]) == told, (low, high)
    assert "too few for an interval" in advice_of(None)


def advice_of(high: float | None) -> str:
    found = Estimate(value=0.0, high=high, confidence=0.95, assumption="")
    return verdict(found, 0.1, "stop", "go on")[1]


def test_of_several_parts_the_one_is_told_that_decides() -> None:
    def part(value: float, low: float, high: float) -> Estimate:
        return Estimate(value=value, low=low, high=high, confidence=0.95, assumption="")

    few, many, little = part(0.75, 0.6, 0.85), part(0.7, 0.68, 0.72), part(0.63, 0.62, 0.64)
    wide = part(0.61, 0.35, 0.85)
    assert decisive({"few": few, "many": many}, 0.65) == "many"  # an alarm, though not the greatest
    assert decisive({"wide": wide, "little": little}, 0.65) == "wide"  # nothing is excluded
    assert decisive({"little": little, "less": part(0.5, 0.4, 0.6)}, 0.65) == "little"

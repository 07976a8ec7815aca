"""What comes from outside reaches the terminal without control characters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from negatives.cli.listen import listening
from negatives.errors import DataError
from negatives.events import Warned
from negatives.printable import printable
from tests.cli.commands import negatives

STEERING = "\x1b[2J\x1b]0;owned\x07\r\x08\x9b31m\u202e\u2028"


def steers(text: str) -> list[str]:
    return [one for one in text if one in "\x1b\x07\r\x08\x9b\u202e\u2028"]


def test_what_steers_a_terminal_is_written_out() -> None:
    assert printable("a\x1b[2Jb\r\x9bc\u202e") == "a\\u001b[2Jb\\u000d\\u009bc\\u202e"
    for untouched in ("line\nline\ttab", "naïve 東京 مرحبا 👩‍🚀", ""):
        assert printable(untouched) == untouched


def test_json_stays_the_same_json() -> None:
    held = {"text": STEERING + '\\ "'}
    assert json.loads(printable(json.dumps(held, ensure_ascii=False))) == held


def test_errors_and_notes_are_printable(capsys: pytest.CaptureFixture[str]) -> None:
    assert not steers(str(DataError(STEERING, where=STEERING, fix=STEERING)))
    with listening() as emit:
        emit(Warned(f"note of {STEERING}"))
    assert "note of" in (told := capsys.readouterr().err)
    assert not steers(told)


@pytest.mark.slow
def test_texts_of_data_and_names_of_folders_are_printed_without_steering(tmp_path: Path) -> None:
    folder = tmp_path / f"data{STEERING}"
    folder.mkdir()
    rows = [
        {"query": f"{STEERING}wing", "positive": f"lift{STEERING}", "negative": f"lift{STEERING}"},
        {"query": f"{STEERING}heat", "positive": "flow", "negative": "drag"},
    ]
    path = folder / f"mined{STEERING}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    bad = tmp_path / "bad.jsonl"
    bad.write_text(f"{STEERING} no JSON\n".replace("\u2028", ""), "utf-8", newline="\n")
    for words in (
        ["data", "validate", path],
        ["data", "describe", path],
        ["lint", path],
        ["lint", path, "--json"],
        ["mine", path, "--out", tmp_path / "run\x1b\x9b\r"],
        ["data", "validate", bad],
        ["mine", "cranfield", "--recipe", STEERING, "--out", tmp_path / "other"],
        ["evaluate", STEERING, "cranfield"],
        [STEERING],
        ["mine", "cranfield", f"--{STEERING}"],
    ):
        told = negatives(*words)
        assert told.stdout + told.stderr
        assert not steers(told.stdout + told.stderr), words

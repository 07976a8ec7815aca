"""What a person sees of the commands: help that can be copied, hints, how much is told."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cyclopts
import pytest

from negatives.cli import listen
from negatives.cli.app import app
from negatives.recipe import PURPOSES, shipped
from tests.cli.commands import negatives


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of pairs, whose ids are made, and two runs of it."""
    folder = tmp_path_factory.mktemp("terminal")
    rows = ["question,answer"]
    for name in ("password", "invoice", "plan", "account"):
        rows.append(f"how do I change my {name},Your {name} is changed in the settings of {name}s.")
    (folder / "faq.csv").write_text("\n".join(rows))
    assert negatives("mine", "faq.csv", "--recipe", "bm25", "-q", cwd=folder).returncode == 0
    again = ("mine", "faq.csv", "--recipe", "bm25", "--per-query", "1", "--out", "few", "-q")
    assert negatives(*again, cwd=folder).returncode == 0
    return folder


def commands(group: cyclopts.App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, groups too, as the words that name it."""
    for name in group:
        if not name.startswith("-"):
            yield (*path, name)
            if group[name].default_command is None:
                yield from commands(group[name], (*path, name))


def test_every_command_has_examples_that_can_be_copied() -> None:
    lacking, wrong = [], []
    for words in commands(app):
        command = app
        for word in words:
            command = command[word]
        if command.default_command is None:
            continue
        about, _, _ = str(command.default_command.__doc__).partition("Parameters\n")
        shown = re.sub(r"\\\n\s*", "", about)
        examples = re.findall(r"^ {8}negatives (.*)$", shown, re.MULTILINE)
        # a longer line is broken by a terminal of 80 columns, and cannot be copied
        wide = [line for line in about.splitlines() if re.match(" {8}neg", line)]
        wrong += [(line, "too wide") for line in wide if len(line) - 4 > 79]
        if not examples:
            lacking.append(words)
        for example in examples:
            try:
                parsed = shlex.split(example)
                assert tuple(parsed[: len(words)]) == words, "of another command"
                app.parse_args(parsed, exit_on_error=False, print_error=False)
            except Exception as error:  # all that are wrong are told at once
                wrong.append((example, str(error)))
    assert lacking == []
    assert wrong == []


def test_every_command_can_tell_less_or_more() -> None:
    for words in (("mine",), ("data", "validate"), ("cache", "list"), ("doctor",)):
        told = negatives(*words, "--help").stdout
        assert "--quiet -q" in told, words
        assert "--verbose -v" in told, words


def test_quiet_is_quiet_and_verbose_tells_what_stages_took(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "_BRIEF", 0.0)  # four lines take a fast machine no time
    quiet = negatives("mine", "faq.csv", "--recipe", "bm25", "-q", cwd=place)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    out = ("--overwrite", "--out", "told")
    plain = negatives("mine", "faq.csv", "--recipe", "bm25", *out, cwd=place).stderr
    assert "note: p_relevant is null" in plain
    assert "took:" not in plain
    told = negatives("mine", "faq.csv", "--recipe", "bm25", *out, "-v", cwd=place).stderr
    assert re.search(r"^took: report, \d", told, re.MULTILINE)
    assert "Traceback" not in negatives("mine", "nowhere", cwd=place).stderr
    assert "Traceback" in negatives("mine", "nowhere", "-v", cwd=place).stderr


def test_a_run_is_named_by_its_data_and_another_is_not_overwritten(place: Path) -> None:
    made = negatives("mine", "faq.csv", "--recipe", "bm25", cwd=place)
    assert made.stderr.startswith("run: runs/faq-bm25\n")
    assert (place / "runs" / "faq-bm25" / "manifest.json").is_file()
    other = negatives("mine", "faq.csv", "--recipe", "bm25", "--per-query", "2", cwd=place)
    assert other.returncode == 2
    assert "the folder holds another run; it differs in: recipe pick" in other.stderr
    assert "choose another --out" in other.stderr


HINTS = {
    ("mien", "faq.csv"): 'Did you mean "mine"?',
    ("data", "validat", "faq.csv"): 'Did you mean "validate"?',
    ("recipes", "lst"): 'Did you mean "list"?',
    ("mine", "faq.csv", "--per-qery", "3"): "Did you mean --per-query?",
    ("--quite", "mine", "faq.csv"): "did you mean '--quiet'?",
    ("compare", "faq.csv", "--recipes", "a", "--out", "x", "--control", "nome"): 'mean "none"',
    ("mine", "faq.csv", "--recipe", "bm52"): "did you mean 'bm25'?",
    ("pick", "few", "simmans"): "did you mean 'simans'?",
    ("export", "few", "-f", "triplt", "-o", "x.csv"): "did you mean 'triplet'?",
    ("mine", "faq.csv", "--engine", "proceses"): "did you mean 'processes'?",
    ("mine", "faq.cvs"): "did you mean 'faq.csv'?",
    ("lint", "fag.csv"): "did you mean 'faq.csv'?",
    ("recipes", "check", "ours.tmol"): "there is no recipe",
    ("report", "fw"): "did you mean 'few'?",
    ("show", "run/faq-bm25"): "did you mean 'runs/faq-bm25'?",
    ("audit", "runs"): "name one of the runs in it: runs/faq-bm25",
}


def test_what_is_nearly_right_is_suggested(place: Path) -> None:
    missed = {}
    for words, hint in HINTS.items():
        done = negatives(*words, cwd=place)
        if done.returncode != 2 or hint not in done.stderr:
            missed[words] = done.stderr
    assert missed == {}


def test_a_command_that_is_wrong_names_the_help_that_is_about_it() -> None:
    done = negatives("data", "describe", "cranfield", "--jsn")
    assert done.stderr.endswith("  fix:   negatives data describe --help\n")


def test_recipes_are_listed_by_what_they_are_for() -> None:
    told = negatives("recipes", "list").stdout
    titles = [title for title in PURPOSES.values() if f"\n{title}\n" in f"\n{told}"]
    assert titles == [title for purpose, title in PURPOSES.items() if purpose]
    assert {line.split()[0] for line in told.splitlines() if re.match("  [a-z]", line)} == {
        *shipped()
    }
    rows = json.loads(negatives("recipes", "list", "--json").stdout)
    assert {row["purpose"] for row in rows} == {purpose for purpose in PURPOSES if purpose}


def test_rows_go_to_standard_output_and_what_is_said_of_them_does_not(place: Path) -> None:
    for words in (("audit", "few", "--sample", "3"), ("judge", "few", "--ask", "3")):
        done = negatives(*words, "-o", "-", cwd=place)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("query_id,doc_id,query,document,relevant,")
        assert "FILE: 3 " in done.stderr
        refused = negatives(*words, "-o", "-", "--json", cwd=place)
        assert (refused.returncode, refused.stdout) == (2, "")
    (place / "mined.csv").write_text("query,positive,negative\nwhy,It is.,it IS\nwhy,It is.,No.\n")
    fixed = negatives("lint", "mined.csv", "--fix", "-o", "-", cwd=place)
    assert fixed.stdout == "query,positive,negative\nwhy,It is.,No.\n"
    assert "positive-by-normalised-text" in fixed.stderr
    folder = negatives("mine", "faq.csv", "-o", "-", cwd=place)
    assert folder.returncode == 2
    assert "a folder cannot go to standard output" in folder.stderr


def test_a_shell_completes_commands_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "completion"
    asked = ("--install-completion", "--shell", "bash", "--output", script)
    assert negatives(*asked).returncode == 0
    tried = (
        f"source {script}; COMP_WORDS=(negatives mine --per); COMP_CWORD=2; _negatives; "
        "echo ${COMPREPLY[@]}; COMP_WORDS=(negatives data de); _negatives; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", tried], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--per-query", "describe"]


def test_pairs_are_shown_by_query_document_or_suspicion_and_nearly_right_names_are_told(
    place: Path,
) -> None:
    asked = negatives("show", "few", "--query", "invoice", cwd=place).stdout
    assert "query: how do I change my invoice" in asked
    assert "  positive  hardness +0.00" in asked
    assert re.search(r"^  negative  hardness", asked, re.MULTILINE)
    assert not re.search(r"[dq]-[0-9a-f]{16}", asked)
    assert "2 documents" not in asked
    vague = negatives("show", "few", "--query", "how do I", cwd=place)
    assert vague.returncode == 2
    assert "4 queries hold 'how do I'" in vague.stderr
    assert '"how do I change my account"' in vague.stderr
    near = negatives("show", "few", "--query", "changing the invoice", cwd=place)
    assert "did you mean one of these?" in near.stderr
    both = negatives("show", "few", "--worst", "3", "--query", "x", cwd=place)
    assert (both.returncode, both.stdout) == (2, "")
    few = json.loads(negatives("show", "few", "--random", "2", "--json", cwd=place).stdout)
    assert sum(len(query["pairs"]) for query in few["queries"]) == 2


def test_two_runs_are_told_apart(place: Path) -> None:
    told = negatives("diff", "runs/faq-bm25", "few", cwd=place).stdout
    assert "  pick.per_query\n    1: 7\n    2: 1\n" in told
    assert "negatives: 4 in both, 33.3% of the 12 in either" in told
    assert "only in 1: 8; in 2 they are: 8 not picked" in told
    assert 'query "how do I change my' in told
    found = json.loads(negatives("diff", "runs/faq-bm25", "few", "--json", cwd=place).stdout)
    assert found["negatives"] == {
        "both": 4, "only_first": 8, "only_second": 0, "jaccard": 0.333333,
    }  # fmt: skip

"""negatives export, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from negatives.api import Run
from tests.build import collection
from tests.cli.commands import negatives
from tests.export.made import finished_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a collection on disk: a query with two positives and three negatives."""
    folder = tmp_path_factory.mktemp("cli")
    docs = {name: f"text {name}, «{name}»" for name in "abcde"}
    data = collection(docs, {"q": "what?"}, [("q", "a", 1), ("q", "b", 1)])
    finished_run(folder / "run", data, {"q": ["c", "d", "e"]}, {("q", n): 1.0 for n in "abcde"})
    return folder


def test_a_file_that_is_there_is_replaced_only_where_that_is_said(
    folder: Path, tmp_path: Path
) -> None:
    words = ("export", folder / "run", "-f", "triplet", "--ids", "-o", tmp_path / "x.jsonl")
    done = negatives(*words)
    assert (done.returncode, done.stdout) == (0, f"6 rows of triplet in {tmp_path / 'x.jsonl'}\n")
    assert done.stderr.splitlines() == [
        "note: 3 negatives x 2 positives make 6 rows; --rows-per-query 3 makes 3",
        "export: 0 of 6 rows",
        "export: 6 of 6 rows",
    ]
    again = negatives(*words)
    assert again.returncode == 2
    assert "this file is there already" in again.stderr
    assert "--overwrite" in again.stderr
    few = negatives(*words, "--overwrite", "--rows-per-query", "3", "--json", "-q")
    assert json.loads(few.stdout) == {
        "format": "triplet", "file": str(tmp_path / "x.jsonl"), "rows": 3
    }  # fmt: skip
    assert few.stderr == ""


def test_a_dash_is_standard_output_and_nothing_else_is_there(folder: Path, tmp_path: Path) -> None:
    for format, first in (
        ("triplet", '{"anchor_id":"q","positive_id":"a","negative_id":"c"}'),
        ("trec-run", "q Q0 c 1 1.0 negatives"),
    ):
        ids = ("--ids",) if format == "triplet" else ()
        done = negatives("export", folder / "run", "-f", format, *ids, "-o", "-", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout.splitlines()[0] == first
        assert done.stderr.splitlines()[-1].endswith(f"rows of {format}")
    assert not any(tmp_path.iterdir())


def test_what_standard_output_cannot_hold_is_refused(folder: Path) -> None:
    run = ("export", folder / "run", "--format")
    for words, said in (
        (("tevatron", "--ids", "-o", "-"), "tevatron writes corpus to files beside its rows"),
        (("triplet", "--ids", "-o", "-", "--json"), "--json and -o - both write to standard"),
        (("triplet", "--ids"), "no file is named to write to"),
        (("triplet", "-o", "--ids"), "-o needs a file"),
        (("triplet", "--ids", "-o", "-", "--public"), "--public is for --push-to-hub"),
    ):
        done = negatives(*run, *words)
        assert done.returncode == 2, words
        assert done.stdout == ""
        assert said in done.stderr, words


def test_scores_are_the_teachers_or_those_of_a_name(folder: Path, tmp_path: Path) -> None:
    def exported(*words: str) -> str:
        done = negatives("export", folder / "run", "-f", "triplet", "--ids", *words)
        return done.stdout + done.stderr

    out = ("-o", str(tmp_path / "s.jsonl"), "--overwrite", "-q")
    assert "6 rows" in exported("--scores", *out)
    assert '"scores":[1.0,1.0]' in (tmp_path / "s.jsonl").read_text()
    assert "6 rows" in exported("--scores", "bm25", *out)
    assert "is called 'bm52'" in exported("--scores", "bm52", *out)
    assert "did you mean 'bm25'" in exported("--scores", "bm52", *out)
    assert "--scores takes one source" in exported("--scores", "bm25", "dense", *out)
    assert Run(folder / "run").manifest.facts.reference == "bm25"

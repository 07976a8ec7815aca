"""One model on several collections: each counts once, and a saved run gives the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from negatives.errors import InputError
from negatives.measure.evaluation import evaluate
from negatives.measure.several import evaluate_several
from negatives.store.atomic import file_hash
from tests.cli.commands import negatives
from tests.judge.test_wanted_type import folder


@pytest.mark.method("beir")
def test_the_mean_counts_each_collection_once_and_runs_are_kept(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    found = evaluate_several("bm25", [one, "cranfield"], metrics=["R@5"], save=tmp_path / "runs")
    first, second = found["sets"]
    values = [row["metrics"]["R@5"]["value"] for row in found["sets"]]
    assert first["queries"] != second["queries"]
    assert found["mean over sets"]["R@5"] == pytest.approx(sum(values) / 2, abs=1e-4)
    assert json.loads((tmp_path / "runs/evaluations.json").read_text()) == found
    for row, data in ((first, one), (second, "cranfield")):
        path = tmp_path / "runs" / row["run"]["file"]
        assert file_hash(path) == row["run"]["blake2b"]
        again = evaluate(str(path), data, metrics=["R@5"]).figures
        assert again["metrics"]["R@5"]["value"] == row["metrics"]["R@5"]["value"]


def test_a_collection_named_twice_is_refused(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    with pytest.raises(InputError, match="two collections are called one"):
        evaluate_several("bm25", [one, one], metrics=["R@5"])


def test_the_command_prints_a_line_for_each_and_their_mean(tmp_path: Path) -> None:
    folder(tmp_path / "one")
    folder(tmp_path / "two")
    words = ("evaluate", "bm25", "one", "two", "--metric", "R@5", "--quiet")
    shown = negatives(*words, "--save-run", "runs", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    lines, sets = shown.stdout.splitlines(), ["one@train", "two@train"]
    assert [line.split()[0] for line in lines if line] == ["bm25", "queries", *sets, "mean"]
    assert sorted(path.name for path in (tmp_path / "runs").glob("*.run")) == [
        "one-train.run", "two-train.run"
    ]  # fmt: skip
    for said in (["--slices"], ["--doc-times", "times.csv"], ["--trained-on", "one@train"]):
        wrong = negatives(*words, *said, cwd=tmp_path)
        assert wrong.returncode == 2
        told = f"this is of one collection, and several are named\n  where: {said[0]}"
        assert told in wrong.stderr


def test_bad_rows_of_all_collections_are_set_aside_in_one_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder(tmp_path / name)
        with (tmp_path / name / "corpus.jsonl").open("a") as corpus:
            corpus.write(f"this is no JSON of {name}\n")
    words = ("evaluate", "bm25", "one", "two", "--metric", "R@5", "--quiet")
    refused = negatives(*words, cwd=tmp_path)
    assert (refused.returncode, "--quarantine FILE" in refused.stderr) == (2, True)
    done = negatives(*words, "--quarantine", "bad.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "bad.jsonl").read_text()
    assert ("of one" in told, "of two" in told) == (True, True)

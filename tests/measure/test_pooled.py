"""A grade below 0 means pooled and judged by nobody: nowhere does such a pair count as judged."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.measure.truth import against, read_truth
from negatives.store.run import Run
from tests.cli.commands import negatives

DOCS = {
    "d1": "the wing lifts the plane", "d2": "a wing of a bird", "d3": "the plane lands",
    "d4": "a wing in wind", "d5": "rain", "d6": "planes lift",
}  # fmt: skip
QRELS = ("q1\td1\t1", "q1\td2\t-1", "q1\td3\t0", "q1\td4\t-2")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR folder with grades below 0."""
    folder = tmp_path_factory.mktemp("pooled") / "data"
    (folder / "qrels").mkdir(parents=True)
    pl.DataFrame({"_id": list(DOCS), "text": list(DOCS.values())}).write_ndjson(
        folder / "corpus.jsonl"
    )
    pl.DataFrame({"_id": ["q1"], "text": ["wing of a plane"]}).write_ndjson(
        folder / "queries.jsonl"
    )
    text = "\n".join(["query-id\tcorpus-id\tscore", *QRELS])
    (folder / "qrels" / "train.tsv").write_text(f"{text}\n")
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neg.mine(data, tmp_path_factory.mktemp("pooled") / "run")


def test_reading_tells_of_them(data: Path) -> None:
    collection = neg.Collection.load(data)
    assert "2 judgements are below 0: pooled and not judged, so they count as none" in (
        collection.notes
    )
    assert sorted(collection.judged["relevance"]) == [0, 1]


@pytest.mark.slow
def test_mining_takes_them_for_unjudged_candidates(run: Run) -> None:
    rows = run.candidates().select("doc_id", "relevance", "verdict").collect().sort("doc_id").rows()
    assert rows[:4] == [
        ("d1", 1, "positive"),
        ("d2", None, "eligible"),
        ("d3", 0, "judged-negative"),
        ("d4", None, "eligible"),
    ]


def test_the_export_of_judgements_keeps_them_as_they_are(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.qrels"
    assert negatives("export", run.path, "--format", "qrels", "-o", out).returncode == 0
    grades = dict(line.split()[2:] for line in out.read_text().splitlines())
    assert grades == {"d1": "1", "d2": "-1", "d3": "0", "d4": "-2"}


def test_lint_takes_only_zeros_for_negatives(tmp_path: Path, data: Path) -> None:
    qrels = tmp_path / "a.qrels"
    qrels.write_text("q1 0 d1 1\nq1 0 d2 -1\nq1 0 d3 0\n")
    assert neg.lint(qrels, data=data).negatives == 1


def test_the_truth_of_an_audit_leaves_them_unjudged(tmp_path: Path) -> None:
    path = tmp_path / "a.qrels"
    path.write_text("q 0 a 1\nq 0 b -1\nq 0 c 0\n")
    picked = pl.DataFrame({"query_id": ["q"] * 3, "doc_id": ["a", "b", "c"]})
    found = against(picked, read_truth(path))
    assert (found["relevant"], found["not relevant"], found["unjudged"]) == (1, 1, 1)

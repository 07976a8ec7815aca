"""The scripts of examples/ do what they say, in a folder of their own."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.doc_pages import ROOT
from tests.models.tiny_reranker import save_onnx

EXAMPLES = ROOT / "examples"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Example:
    return Example(tmp_path, monkeypatch)


class Example:
    """Carries one out in `folder`, in this process; what it prints."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch

    def __call__(self, name: str, *arguments: object) -> str:
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return said.getvalue()


def test_every_example_is_run_here() -> None:
    run = set(re.findall(r'example\("(\w+\.py)"', Path(__file__).read_text("utf-8")))
    assert run == {path.name for path in EXAMPLES.glob("*.py")}


def test_a_file_is_linted_and_written_without_its_mistakes(example: Example) -> None:
    assert example("lint_a_file.py").splitlines() == [
        "error positive-by-text: 1 negatives",
        "error query-as-negative: 1 negatives",
        "warning uneven-negatives: 1 queries",
    ]
    assert len(pl.read_csv(example.folder / "clean.csv")) == 1


@pytest.mark.slow
def test_negatives_are_mined_and_exported(example: Example) -> None:
    *shown, last = example("mine_and_export.py").splitlines()
    assert all(re.match(r"hardness [+-]\d\.\d\d, p 0\.\d{3}  \S", line) for line in shown)
    assert re.match(r"[\d,]+ rows in triplets\.parquet", last)
    assert (example.folder / "runs/example/report.html").is_file()
    assert len(pl.read_parquet(example.folder / "triplets.parquet")) > 5_000


@pytest.mark.slow
def test_a_reranker_looks_at_a_few_hundred_pairs(example: Example, tmp_path: Path) -> None:
    said = example("judge_with_a_budget.py", save_onnx(tmp_path / "model"))
    assert re.fullmatch(r"\d+ of 1,575 negatives are replaced\n", said)


@pytest.mark.slow
def test_a_static_embedding_is_trained_and_is_better_for_it(example: Example) -> None:
    before, after = example("train_and_evaluate.py").splitlines()
    figures = [float(line.split("nDCG@10 ")[1].split()[0]) for line in (before, after)]
    assert figures[1] > figures[0] + 0.03

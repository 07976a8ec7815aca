"""negatives judge: more evidence for a finished run, said in a line, and asked for rightly."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.commands import negatives
from tests.models.tiny_reranker import save_onnx


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("judge") / "run"
    done = negatives("mine", "cranfield", "--out", out, "--recipe", "bm25")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_judging_says_how_many_pairs_of_how_many(run: Path, tmp_path: Path) -> None:
    model = save_onnx(tmp_path)
    command = ("judge", run, "--judge", "reranker", "--set", f"model={model}", "--budget", "250")
    done = negatives(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("judged 250 of ")
    assert "(250 scored now); p_relevant as before" in done.stdout
    assert "rerank: 250 of 250 pairs" in done.stderr
    scores = pl.read_parquet(run / "candidates" / "*.parquet")["reranker_score"]
    assert scores.is_not_null().sum() == 250
    again = negatives(*command, "--json", "--quiet")
    assert again.stderr == ""
    assert json.loads(again.stdout)["run"] == str(run)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((), "model"),
        (("--set", "modle=x"), "did you mean 'model'?"),
        (("--judge", "rerankr"), "did you mean 'reranker'?"),
        (("--set", "model=./nowhere"), "there is no reranker at './nowhere'"),
        (("--judge", "margin"), "margin does not score single pairs"),
    ],
)
def test_a_wrong_command_says_what_is_right(
    run: Path, settings: tuple[str, ...], said: str
) -> None:
    done = negatives("judge", run, *settings)
    assert done.returncode == 2
    assert said in done.stderr

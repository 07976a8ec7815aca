"""negatives train: a model in a folder, said in a line; what is wrong, with its fix."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

from negatives.api import Run, mine
from negatives.read import load
from tests.cli.commands import negatives
from tests.learn.small import save_folder, save_static

pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.slow

FEW = ("--steps", "4", "--batch-size", "8", "--quiet")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = save_folder(tmp_path_factory.mktemp("data") / "small")
    return mine(load(data), tmp_path_factory.mktemp("run") / "run", recipe="bm25")


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    texts = run.collection.corpus["text"].to_list()
    return save_static(tmp_path_factory.mktemp("model") / "tiny", texts)


def test_a_model_is_trained_and_what_it_was_is_said(run: Run, static: Path, tmp_path: Path) -> None:
    command = ("train", run.path, "--out", tmp_path / "m", "--model", static, *FEW)
    done = negatives(*command)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "289 examples, 4 steps" in done.stdout
    assert "dev nDCG@10" in done.stdout
    again = negatives(*command, "--json")
    assert json.loads(again.stdout)["status"] == "done"
    other = negatives(*command, "--seed", "3")
    assert other.returncode == 2
    assert "--overwrite" in other.stderr


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        (("--model", "./nowhere"), 2, "an existing folder, a hub name, or 'static'"),
        (("--kind", "reranker", "--set", "learn.kind=guided"), 2, "a reranker has none"),
        (("--set", "train.labels=nonsense"), 2, "bm25_score"),
        (("--set", "learn.kind=margin-mse"), 2, "set train.labels"),
        (("--set", "train.learning_rte=1"), 2, "learning_rate"),
        (
            (
                "--set",
                "train.learning_rate=1e12",
                "--set",
                "learn.similarity=dot",
                "--set",
                "learn.temperature=1e-12",
            ),
            1,
            "lower the learning rate",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_mend_and_leaves_nothing(
    run: Run, static: Path, tmp_path: Path, changed: tuple[str, ...], code: int, said: str
) -> None:
    options = (*FEW, "--set", "train.clip=0", "--set", "train.checkpoint=4", "--set")
    model = () if "--model" in changed else ("--model", static)
    done = negatives(
        "train", run.path, "--out", tmp_path / "m", *model, *options, "train.evaluate=4", *changed
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "m").exists()

"""A training that is killed and started again comes to the same weights, and is not lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from negatives.api import Run
from negatives.learn.refresh import Refresher
from negatives.learn.train import train
from negatives.recipe import Recipe
from tests.killing import kill_when, start_python
from tests.learn.small import learning

pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.slow

CODE = """
import sys
from negatives.learn.refresh import Refresher
from negatives.learn.train import train
from negatives.recipe import load_recipe
data, out, model, recipe = sys.argv[1:]
train(data, out, model=model, recipe=load_recipe(recipe), look=False, threads=1)
"""


def killed_at(step: int, run: Path, out: Path, model: str, recipe: Path) -> None:
    """Train in a process of its own, and kill it when the checkpoint of `step` is whole."""
    moment = out / "checkpoints" / f"checkpoint-{step}" / "whole"
    process = start_python(CODE, run, out, model, recipe, log=out.parent / "log")
    assert kill_when(process, moment.is_file), "it was too fast to be killed"


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def compare(run: Path, model: str, recipe: Recipe, step: int, tmp_path: Path) -> tuple[Path, Path]:
    """The folder of a training in one go, and of one that was killed at `step`."""
    file = tmp_path / f"{recipe.name}.toml"
    file.write_text(recipe.to_toml())
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(run, whole, model=model, recipe=recipe, look=False, threads=1)
    killed_at(step, run, stopped, model, file)
    assert not (stopped / "model.safetensors").exists()
    assert json.loads((stopped / "training.json").read_text())["status"] == "running"
    train(run, stopped, model=model, recipe=recipe, look=False, threads=1)
    return whole, stopped


def test_a_killed_training_comes_to_the_same_bytes(mined: Run, static: str, tmp_path: Path) -> None:
    recipe = learning(
        static,
        "train.steps=60",
        "train.checkpoint=20",
        "train.learning_rate=0.05",
        'batch.weight={kind="progressive"}',  # which remembers more than equal weights do
    )
    whole, stopped = compare(mined.path, static, recipe, 20, tmp_path)
    assert weights(stopped) == weights(whole) != weights(Path(static))


def test_a_killed_training_with_refreshed_negatives_comes_to_the_same_bytes(
    mined: Run, static: str, tmp_path: Path
) -> None:
    # At step 4 there is a mining and a checkpoint: the batch that was read ahead has old negatives.
    recipe = refreshing(static, "train.checkpoint=4")
    whole, stopped = compare(mined.path, static, recipe, 4, tmp_path)
    assert weights(stopped) == weights(whole)


def refreshing(static: str, *changes: str) -> Recipe:
    return learning(
        static,
        "train.steps=10",
        "train.learning_rate=0.2",
        "train.refresh=2",
        f"find.dense.encoder={static}",
        *changes,
        recipe="ance-static",
    )


def test_negatives_are_mined_anew_with_the_model_as_it_is(
    mined: Run, static: str, tmp_path: Path
) -> None:
    seen: list[Any] = []

    class Seeing(Refresher):
        def before(self, batch: int) -> None:
            super().before(batch)
            seen.append(self.rows.training_set.negatives.copy())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["negatives.learn.train"], "Refresher", Seeing)
        train(mined, tmp_path / "m", model=static, recipe=refreshing(static), look=False)
    changed = [number for number in range(1, 10) if (seen[number] != seen[number - 1]).any()]
    assert changed == [3, 5, 7, 9]
    assert not (tmp_path / "m" / ".work").exists()


def test_a_training_that_failed_while_its_model_was_saved_is_finished(
    mined: Run, static: str, tmp_path: Path
) -> None:
    recipe = learning(static)

    def broken(*_: object) -> str:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["negatives.learn.work"], "card", broken)
        with pytest.raises(KeyboardInterrupt):
            train(mined, tmp_path / "m", model=static, recipe=recipe)
    made = train(mined, tmp_path / "m", model=static, recipe=recipe)
    whole = train(mined, tmp_path / "w", model=static, recipe=recipe)
    assert weights(made.path) == weights(whole.path)
    assert made.account["best"] == whole.account["best"]
    assert (made.path / "README.md").is_file()

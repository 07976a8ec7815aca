"""Batches that follow the model: clusters are made anew by what it has learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negatives.arrays import Floats
from negatives.batch.batcher import Batches
from negatives.batch.cluster_aware import ClusterAware
from negatives.batch.examples import Examples
from negatives.errors import RecipeError
from negatives.learn.renewal import Renewal
from tests.killing import kill_when, start_python
from tests.learn.small import learning, tiny_bert

pytest.importorskip("sentence_transformers")

TWO_AND_TWO = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
CROSSED = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)


def examples(vectors: Floats) -> Examples:
    """Four rows, each with a query and a document of its own."""
    numbers = np.arange(4, dtype=np.int32)
    known = np.column_stack([numbers, numbers])
    return Examples(numbers, numbers[:, None], known, query_vectors=lambda: vectors)


def renewal(folder: Path, seen: int = 0, every: int = 1) -> tuple[Renewal, list[str]]:
    asked: list[str] = []

    def encode(side: str) -> Floats:
        asked.append(side)
        return CROSSED

    batcher, start = ClusterAware(first=2, double_at=[]), examples(TWO_AND_TWO)
    made = Renewal(
        folder=folder,
        seen=lambda: seen,
        examples=start,
        first=batcher.open(start, 2),
        every=every,
        open=lambda found: batcher.open(found, 2),
        encode=encode,
    )
    return made, asked


def taken(found: Renewal, count: int) -> list[list[int]]:
    batches = found.batches()
    return [sorted(next(batches).tolist()) for _ in range(count)]


@pytest.mark.recipe("ngame")
def test_epochs_after_a_renewal_are_ordered_by_the_new_vectors(tmp_path: Path) -> None:
    found, asked = renewal(tmp_path, every=2)
    batches = taken(found, 8)
    assert sorted(batches[:2]) == sorted(batches[2:4]) == [[0, 1], [2, 3]]
    assert sorted(batches[4:6]) == sorted(batches[6:8]) == [[0, 2], [1, 3]]
    assert asked == ["queries"], "two epochs share them"
    (entry,) = found.told()["renewed"]
    assert (entry["epoch"], entry["batch"]) == (2, 4)
    assert (entry["likeness_before"], entry["likeness"]) == (0, 1)


def test_a_batcher_is_told_that_vectors_are_of_the_model_as_it_is(tmp_path: Path) -> None:
    found, _ = renewal(tmp_path)
    opened: list[bool] = []
    begin = found.open

    def noting(made: Examples) -> Batches:
        opened.append(made.renewed)
        return begin(made)

    found.open = noting
    taken(found, 6)
    assert opened == [True, True]
    assert not found.examples.renewed


def test_a_training_that_goes_on_has_the_batches_it_had_and_encodes_nothing(
    tmp_path: Path,
) -> None:
    whole = taken(renewal(tmp_path)[0], 6)
    again, asked = renewal(tmp_path, seen=4)
    found = taken(again, 6)
    assert found[:4] == [[], [], [], []], "what was seen is left out: it only counts"
    assert found[4:] == whole[4:]
    assert asked == []
    assert [entry["epoch"] for entry in again.told()["renewed"]] == [1, 2]


def test_vectors_that_no_checkpoint_needs_any_more_are_removed(tmp_path: Path) -> None:
    found, _ = renewal(tmp_path, seen=6)
    taken(found, 8)
    left = sorted(path.name for path in tmp_path.glob("*.npy"))
    assert left == ["queries-000003.npy"]


@pytest.mark.slow
def test_a_reranker_has_no_vectors_to_follow(folder: Path, tmp_path: Path) -> None:
    from negatives.learn.train import train

    recipe = learning(tiny_bert(), *FOLLOWING, kind="reranker")
    with pytest.raises(RecipeError, match="no vectors that batches could follow"):
        train(folder, tmp_path / "m", model=tiny_bert(), recipe=recipe, look=False)


FOLLOWING = ("batch.kind=topic-aware", "batch.clusters=2", "batch.refresh=1")

CODE = """
import sys
from negatives.learn.train import train
from negatives.recipe import load_recipe
data, out, model, recipe = sys.argv[1:]
train(data, out, model=model, recipe=load_recipe(recipe), look=False, threads=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cluster-aware", "topic-aware", "no-same-cluster", "neighbours"])
def test_a_killed_training_whose_batches_follow_it_comes_to_the_same_bytes(
    folder: Path, static: str, tmp_path: Path, kind: str
) -> None:
    from negatives.learn.train import train

    recipe = learning(
        static,
        f"batch.kind={kind}",
        "batch.refresh=1",
        *(["batch.clusters=2"] if kind == "topic-aware" else []),
        "train.steps=60",
        "train.negatives=0",
        "train.checkpoint=20",
        "train.learning_rate=0.05",
    )
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.to_toml())
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    made = train(folder, whole, model=static, recipe=recipe, look=False, threads=1)
    if kind == "cluster-aware":  # one is killed, the others only train
        moment = (stopped / "checkpoints" / "checkpoint-40" / "whole").is_file
        process = start_python(CODE, folder, stopped, static, file, log=tmp_path / "log")
        assert kill_when(process, moment), "it was too fast to be killed"
        train(folder, stopped, model=static, recipe=recipe, look=False, threads=1)
        same = [(out / "model.safetensors").read_bytes() for out in (whole, stopped)]
        assert same[0] == same[1]
    told = made.account["batches"]["renewed"]
    assert len(told) >= 2
    assert all(entry["likeness"] is not None for entry in told)
    assert not (whole / ".work").exists()

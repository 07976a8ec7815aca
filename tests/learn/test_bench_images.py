"""bench where sides are images or time series: what is trained, and what must be named first."""

from __future__ import annotations

from pathlib import Path

import pytest

from negatives.errors import InputError
from negatives.learn.bench.bench import bench
from negatives.learn.train import train
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from tests import pictures, recordings

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("PIL")


def test_towers_are_trained_where_a_side_is_of_images(tmp_path: Path) -> None:
    shown = pictures.folder(tmp_path / "pictures")
    small = ["train.size=16", "train.dim=16", "train.batch_size=12", "train.steps=3"]
    recipe = override(load_recipe("clip"), small)
    encoder = str(train(f"{shown}@train", tmp_path / "towers", recipe=recipe, look=False).path)
    made = bench(
        f"{shown}@train", ["clip", "nv-retriever"], tmp_path / "bench", encoder=encoder, seeds=1,
        per_query=2, changes=small, threads=1,
    ).figures  # fmt: skip
    assert made["settings"]["kind"] == "towers"
    arms = {row["recipe"]: row["mean"] for row in made["rows"]}
    assert {*arms} == {"none", "naive top", "random", "clip", "nv-retriever"}
    assert all(0 < value <= 1 for value in arms.values())


def test_without_an_encoder_that_reads_them_it_says_how_to_make_one(tmp_path: Path) -> None:
    shown = pictures.folder(tmp_path / "pictures")
    waves = recordings.folder(tmp_path / "waves", each=4)
    for data, held in ((shown, "paths of images"), (waves, "time series")):
        with pytest.raises(InputError, match=f"needs an encoder .* one has only .*{held}") as told:
            bench(f"{data}@train", ["clip"], tmp_path / "out", measure="trained",
                  on=f"{data}@{'dev' if data == shown else 'test'}", seeds=1)  # fmt: skip
        assert "--encoder MODEL" in told.value.fix
        assert not (tmp_path / "out" / "arms").exists()

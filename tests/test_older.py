"""Recipes and runs of an older version, in which every trainer had settings that few have now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import negatives as neg
from negatives.errors import RecipeError, RunError
from negatives.events import silent
from negatives.learn.series import SeriesTraining
from negatives.learn.trained import model_folder
from negatives.recipe import Recipe, load_recipe, parse
from negatives.store.manifest import decode_manifest
from tests.build import collection

OLD = {
    "redraw": "0", "max_length": "256", "precision": '"auto"', "lora": "0", "labels": '""',
    "patience": "0", "checkpoint": "0",
}  # fmt: skip


def test_a_recipe_that_an_older_version_wrote_is_read_as_it_is_now() -> None:
    for name in ("bpr", "self-adversarial", "npo", "clip", "default", "gist"):
        recipe = load_recipe(name)
        text = recipe.to_toml()
        missing = [f"{each} = {OLD[each]}" for each in OLD if not re.search(f"\n{each} = ", text)]
        old = text.replace("\n[train]\n", "\n[train]\n" + "\n".join([*missing, ""]))
        assert parse(old) == recipe
        if name == "bpr":
            assert missing == ["max_length = 256", "lora = 0"]
            with pytest.raises(RecipeError, match="'factors' has no setting 'lora'"):
                parse(old.replace("lora = 0", "lora = 4"))  # which was refused then, too


def test_a_run_of_an_older_version_is_read_and_gone_on_with(tmp_path: Path) -> None:
    data = collection({"a": "x", "b": "y", "c": "z"}, {"q": "x"}, [("q", "a", 1)])
    recipe = Recipe(
        find=(neg.Random(),), pick=neg.Top(per_query=1), train=SeriesTraining(negatives=1)
    )
    made = neg.mine(data, tmp_path / "run", recipe=recipe, emit=silent).recipe
    manifest = decode_manifest(tmp_path / "run")
    assert manifest is not None
    assert manifest.inputs.recipe is not None
    manifest.inputs.recipe["train"] |= {"lora": 0, "max_length": 256}
    manifest.save(tmp_path / "run")
    assert neg.Run(tmp_path / "run").recipe == made
    assert neg.mine(data, tmp_path / "run", recipe=recipe, emit=silent).recipe == made


def test_a_training_of_an_older_version_is_gone_on_with(tmp_path: Path) -> None:
    recipe = load_recipe("bpr").effective()
    old = {**recipe, "train": {**recipe["train"], "lora": 0, "max_length": 256}}
    folder = model_folder(tmp_path)
    folder.write({"status": "running", "inputs": {"recipe": old, "model": "m"}})
    assert folder.begun({"recipe": recipe, "model": "m"}) is not None
    other = {**recipe, "train": {**recipe["train"], "dim": 8}}
    with pytest.raises(RunError, match="it differs in: recipe"):
        folder.begun({"recipe": other, "model": "m"})

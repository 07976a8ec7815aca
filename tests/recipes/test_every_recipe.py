"""Every recipe that can be carried out here is, by its name: mined with, and trained five steps."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from negatives.events import Event
from negatives.learn.request import completed
from negatives.learn.settings import Training
from negatives.recipe import load_recipe, shipped
from tests.each import for_each
from tests.recipes.everything import FEW, Everything, asks_a_server

HERE = [name for name in shipped() if not asks_a_server(load_recipe(name))]
"""Recipes that need nobody who answers at an address."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    pytest.importorskip("sentence_transformers")
    return Everything.saved(tmp_path_factory.mktemp("everything"))


def test_recipes_that_are_not_tried_are_those_that_ask_a_language_model() -> None:
    needing = {name: load_recipe(name).about for name in {*shipped()} - {*HERE}}
    assert all("language model" in about for about in needing.values()), needing.keys()
    assert len(HERE) > len(shipped()) / 2


@pytest.mark.slow
@for_each("name", HERE)
def test_it_trains_five_steps_by_its_name(
    name: str, everything: Everything, tmp_path: Path
) -> None:
    from negatives.learn.train import train

    said: list[Event] = []
    shown = load_recipe(name)
    task = shown.train.task if isinstance(shown.train, Training) else ""
    ranking = task == "text-ranking"
    model = everything.models["cross-encoder/"] if ranking else everything.encoder
    changes = (*FEW, *everything.changes(shown))
    recipe = completed(shown, model, changes=changes, emit=said.append)
    made = train(
        everything.data, tmp_path / "m", model=model, recipe=recipe, encoder=everything.encoder,
        look=False, threads=1, emit=said.append,
    ).account  # fmt: skip
    losses = [row["loss"] for row in made["history"] if "loss" in row]
    assert made["steps"] == 5
    assert losses
    assert all(map(math.isfinite, losses))
    assert any(losses)  # a batch of one row, such as the last of an epoch, may teach nothing
    assert ((tmp_path / "m" / "run").exists()) == recipe.mines

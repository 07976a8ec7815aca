"""Every recipe that can be carried out here is, by its name: mined with, and trained five steps."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from negatives.events import Event
from negatives.learn.request import completed
from negatives.learn.settings import Training
from negatives.recipe import load_recipe, shipped
from tests.cli.commands import negatives
from tests.each import for_each
from tests.learn.test_round_recipes import CARRIED_OUT
from tests.make.writing_server import writes
from tests.models.chat_server import completion, serving, shown
from tests.recipes.everything import FEW, Everything, asks_a_server, further_fields, mining_fields

ASKING = {name for name in shipped() if asks_a_server(load_recipe(name))}
"""Recipes that need somebody who answers at an address."""
FIELDED = {name: fields for name in shipped() if (fields := further_fields(load_recipe(name)))}
"""Recipes that need more of documents or queries than texts, titles and times."""
ROUNDED = {name for name in shipped() if load_recipe(name).round}
"""Recipes of several trainings, which tests/learn/test_round_recipes.py carries out by name."""
HERE = [name for name in shipped() if name not in ASKING | FIELDED.keys() | ROUNDED]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    pytest.importorskip("sentence_transformers")
    return Everything.saved(tmp_path_factory.mktemp("everything"))


def test_recipes_that_are_not_tried_are_known_by_what_they_need() -> None:
    assert all("language model" in load_recipe(name).about for name in ASKING), ASKING
    assert {*CARRIED_OUT} >= ROUNDED, "each has its line there"
    assert len(HERE) > len(shipped()) / 2


def test_a_recipe_that_needs_a_field_is_refused_before_any_work(
    everything: Everything, tmp_path: Path
) -> None:
    for name in FIELDED:
        out = tmp_path / name
        # Where only what is trained needs it, mining does not ask.
        verb = "mine" if mining_fields(load_recipe(name)) else "train"
        done = negatives(verb, everything.data, "--out", out, "--recipe", name)
        assert done.returncode == 2, name
        assert any(field in done.stderr for field in FIELDED[name]), done.stderr
        assert not out.exists()


@pytest.mark.slow
@for_each("name", HERE)
def test_it_trains_five_steps_by_its_name(
    name: str, everything: Everything, tmp_path: Path
) -> None:
    trained(name, everything, tmp_path)


@pytest.mark.slow
@for_each("name", sorted(ASKING))
def test_it_trains_five_steps_with_a_language_model_that_is_asked(
    name: str, everything: Everything, tmp_path: Path
) -> None:
    with serving() as server:
        server.script = lambda call, body: (200, answering(body))
        trained(name, everything, tmp_path, server.spec)
        assert server.bodies, f"{name} asks nobody"


def answering(body: dict[str, Any]) -> dict[str, Any]:
    """What a server replies that writes what is asked for, and judges by chance but steadily."""
    system = body["messages"][0]["content"]
    found = shown(body, "document")
    relevant = [len(text) % 3 == 0 for text in found] or [False]
    said: Any
    if '"relevant"' in system:
        said = {"relevant": [place for place, yes in enumerate(relevant, 1) if yes]}
    elif '"grade"' in system:
        said = dict.fromkeys(("match", "trust", "grade"), 3 if relevant[0] else 0)
    elif '"rating"' in system:
        said = {"rating": 9 if relevant[0] else 2}
    elif "one word" in system:
        return completion("yes" if relevant[0] else "no")
    elif "hard to find it by" in system:  # another of each document: equal queries are no negatives
        said = {"queries": [f"{text.split()[0]} warm in a bowl {len(text)}" for text in found]}
    else:
        said = writes(body)
    return completion(json.dumps(said))


def trained(name: str, everything: Everything, tmp_path: Path, address: str = "") -> None:
    """Mine and train with a recipe, and look at what its account says."""
    from negatives.learn.train import train

    said: list[Event] = []
    shown = load_recipe(name)
    task = shown.train.task if isinstance(shown.train, Training) else ""
    ranking = task == "text-ranking"
    model = everything.models["cross-encoder/"] if ranking else everything.encoder
    data, responses = everything.data, False
    if isinstance(shown.train, Training) and not shown.train.reads_texts:
        model = "static"  # it begins with vectors of its own
    if isinstance(shown.train, Training) and shown.train.gives == "sequences":
        model, data, responses = everything.learner, everything.responses, True
    few = [
        f"train.{name}={value}"
        for name, value in FEW.items()
        if not isinstance(shown.train, Training) or hasattr(shown.train, name)
        if not (responses and name == "max_length")
    ]
    changes = (*few, *everything.changes(shown, address))
    recipe = completed(shown, model, changes=changes, emit=said.append)
    made = train(
        data, tmp_path / "m", model=model, recipe=recipe, encoder=everything.encoder,
        look=False, threads=1, emit=said.append,
    ).account  # fmt: skip
    losses = [row["loss"] for row in made["history"] if "loss" in row]
    assert made["steps"] == 5
    assert losses
    assert all(map(math.isfinite, losses))
    assert any(losses)  # a batch of one row, such as the last of an epoch, may teach nothing
    mines = recipe.mines and not responses  # which are there as they are
    assert (tmp_path / "m" / "run").exists() == mines

"""The state of each recipe is computed from figures, tests and words, and nobody types it."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files

import pytest
from scripts.tested import TABLE, written

from negatives.recipe import load_recipe, shipped
from negatives.recipe_states import WORKING, Figure, State, state_of
from tests.cli.commands import negatives

TRAINED = Figure(
    stage="medquad",
    title="Trained on medquad",
    metric="nDCG@10",
    model="static",
    seeds=1,
    value=0.7,
    naive=0.6,
    seconds=20.0,
    source="docs/results/recipes.md#medquad",
)
FIGURE = Figure(
    stage="med",
    title="Mined from med",
    metric="false share",
    model="static",
    seeds=3,
    value=0.01,
    naive=0.5,
    p=0.001,
    seconds=2.0,
    source="docs/results/recipes.md#med",
)


def test_which_tests_are_about_which_recipe_is_written_down() -> None:
    assert TABLE.read_text("utf-8") == written(), "python scripts/tested.py writes it anew"


def test_every_mark_names_a_recipe_or_a_method_without_one() -> None:
    text = (files("negatives") / "recipes" / "methods.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    methods = {method for method, _, _, recipes, _ in rows if not recipes}
    assert set(json.loads(TABLE.read_text("utf-8"))) <= {*shipped(), *methods}


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State((FIGURE,), ("a test",), True), WORKING),
        (State((), ("a test",), True), "no figure"),
        (State((FIGURE,), (), True), "no test of its numbers"),
        (State((FIGURE,), ("a test",), False), "not said what differs"),
        (State((FIGURE,), ("a test",), True, trains=True), "no figure of a trained model"),
        (State((TRAINED, FIGURE), ("a test",), True, trains=True), WORKING),
        (State((), (), False), "no figure, no test of its numbers, not said what differs"),
    ],
)
def test_a_recipe_works_if_it_is_measured_tested_and_told(state: State, word: str) -> None:
    assert state.word == word


def test_a_recipe_that_follows_a_paper_says_what_differs_or_is_told_to() -> None:
    for name in shipped():
        recipe = load_recipe(name)
        assert state_of(recipe).told == bool(recipe.differs or not recipe.paper), name
    assert state_of(load_recipe("simans")).told


def test_the_list_tells_the_state_of_each() -> None:
    listed = json.loads(negatives("recipes", "list", "--json").stdout)
    assert [each["name"] for each in listed] == list(shipped())
    for each in listed:
        assert each["state"] == state_of(load_recipe(each["name"])).word
    shown = negatives("recipes", "list").stdout
    working = sum(each["state"] == WORKING for each in listed)
    assert f"{working} of {len(listed)} are working" in shown


def test_one_that_is_shown_is_a_recipe_still_and_says_its_figures() -> None:
    shown = negatives("recipes", "show", "simans").stdout
    assert tomllib.loads(shown)["differs"]
    state = state_of(load_recipe("simans"))
    assert f"# state: {state.word}" in shown
    for figure in state.figures:
        assert str(figure) in shown
        assert figure.source in shown


def test_a_figure_is_told_beside_that_of_naive_top() -> None:
    assert str(FIGURE) == (
        "false share 0.0100, naive top 0.5000, p = 0.0010 (Mined from med; static, 3 seeds)"
    )


def test_a_method_of_which_there_is_a_recipe_names_it() -> None:
    text = (files("negatives") / "recipes" / "methods.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    assert len({row[0] for row in rows}) == len(rows) >= 154
    for method, _, _, recipes, elsewhere in rows:
        assert method not in shipped() or method in recipes.split()
        assert recipes or elsewhere, f"{method}: no recipe and no reason"
        assert {*recipes.split()} <= {*shipped()}

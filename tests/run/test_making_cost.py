"""One budget for all that asks a language model to write: recipes that are mined, and adapt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from negatives import tiny
from negatives.adaptation.adapt import adapting_cost
from negatives.errors import InputError, RecipeError
from negatives.events import silent
from negatives.recipe import load_recipe
from negatives.run.making_cost import budgeted_recipe, making_cost
from tests.cli.commands import negatives

NOBODY = "http://127.0.0.1:9/v1#m"


def test_the_generators_of_a_mined_recipe_keep_to_a_budget_of_either_unit() -> None:
    recipe, data = load_recipe("dont-retrieve-generate"), tiny.collection()
    whole = making_cost(data, recipe.make, generates="documents")
    assert whole.calls == 3
    (one,) = budgeted_recipe(recipe, "1-call", data).make
    assert making_cost(data, one, generates="documents").calls == 1
    tokens = f"{(whole.read + whole.written) * 3 // 4}-tokens"
    (two,) = budgeted_recipe(recipe, tokens, data).make
    assert making_cost(data, two, generates="documents").calls == 2
    with pytest.raises(InputError, match="no generator asks a language model"):
        budgeted_recipe(load_recipe("bm25"), 5, data)
    with pytest.raises(RecipeError, match="writes documents, not queries"):
        making_cost(data, recipe.make)
    assert replace(recipe, make=(one,)) != recipe


def test_what_adapt_would_ask_is_foreseen_and_nothing_is_made(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.md").write_text(f"# About {name}\n\nWhat {name} is and is not.\n")
    cost = adapting_cost(tmp_path, llm=NOBODY, emit=silent)
    assert cost.calls == 3
    less = adapting_cost(tmp_path, llm=NOBODY, budget="2-calls", emit=silent)
    assert less.calls == 2
    said = negatives("adapt", tmp_path, "--out", tmp_path / "out", "--llm", NOBODY, "--dry-run")
    assert (said.returncode, said.stdout.startswith("would ask 3 questions: 3 calls")) == (0, True)
    assert not (tmp_path / "out").exists()
    wrong = negatives("adapt", tmp_path, "--out", tmp_path / "out", "--budget", "9-pairs")
    assert (wrong.returncode, "a budget of pairs" in wrong.stderr) == (2, True), wrong.stderr

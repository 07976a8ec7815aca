"""Keywords of `mine` change single settings of a recipe, as the options of the command do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import negatives as neg
from negatives import tiny
from negatives.errors import InputError, NegativesError
from negatives.recipe_changes import adjusted
from negatives.run import mine
from tests.cli.commands import negatives


def test_what_is_not_said_stays_as_the_recipe_has_it() -> None:
    plain = neg.load_recipe("default")
    made = adjusted(plain, {"find.bm25.top": 200, "seed": 7}, per_query=3, max_p=0.4)
    before, after = plain.settings(), made.settings()
    before["find"][0]["top"], before["seed"] = 200, 7
    before["pick"] |= {"per_query": 3, "max_p": 0.4}
    assert after == before


def test_a_call_and_a_command_come_to_the_same_recipe(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("query,positive\nwhat is lift,lift is a force\nwhat is drag,drag is another\n")
    words = ["--per-query", "2", "--max-false", "0.1", "--set", "find.bm25.top=9", "--quiet"]
    done = negatives("mine", file, "--out", tmp_path / "a", "--recipe", "bm25", *words)
    assert done.returncode == 0, done.stderr
    settings = {"find.bm25.top": 9}
    run = neg.mine(
        file, tmp_path / "b", recipe="bm25", per_query=2, max_false=0.1, settings=settings
    )
    assert neg.Run(tmp_path / "a").recipe.settings() == run.recipe.settings()
    assert run.recipe.pick.per_query == 2


def test_numbers_of_numpy_are_numbers_wherever_they_are_said(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "settings": {"find.bm25.top": np.int64(9), "find.bm25.k1": np.float32(1.5)},
        "per_query": np.int32(2),
        "max_false": np.float64(0.1),
        "seed": np.int64(3),
    }
    own = {name: value.tolist() for name, value in options.items() if name != "settings"}
    own["settings"] = {name: value.tolist() for name, value in options["settings"].items()}
    data = tiny.collection()
    run = neg.mine(data, tmp_path / "numpy", recipe="bm25", **options)
    plain = neg.mine(data, tmp_path / "own", recipe="bm25", **own)
    assert run.recipe.settings() == plain.recipe.settings()
    assert run.negatives.equals(plain.negatives)


def test_what_there_is_not_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    cases: dict[str, dict[str, Any]] = {
        "did you mean 'bm25'?": {"settings": {"find.bm26.top": 3}},
        "did you mean 'find'?": {"settings": {"fnd.bm25.top": 3}},
        "did you mean 'top'?": {"settings": {"find.bm25.tpo": 3}},
        "Expected `int`, got `str`": {"settings": {"find.bm25.top": "3"}},
        "did you mean 'default'?": {"recipe": "defualt"},
        "did you mean 'per_query'?": {"per_qury": 3},
        "give mine() what Collection.load(data, query_column=...)": {"query_column": "Asked"},
    }
    for words, options in cases.items():
        with pytest.raises(NegativesError) as caught:
            neg.mine(tiny.collection(), tmp_path / "run", **options)
        assert words in str(caught.value), words
        assert isinstance(caught.value, InputError), words
        unknown = bool({"per_qury", "query_column"} & {*options})
        assert isinstance(caught.value, TypeError) == unknown
    assert not (tmp_path / "run").exists()


def test_single_settings_of_own_sources_can_be_said_too(tmp_path: Path) -> None:
    run = mine(
        tiny.collection(),
        tmp_path / "run",
        sources=[neg.BM25(top=4)],
        settings=["pick.per_query=1"],
    )
    assert run.recipe.pick.per_query == 1
    assert run.recipe.settings()["find"][0]["top"] == 4

"""Recipes: TOML in and out without loss, and errors that name the file and the place in it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.errors import RecipeError
from negatives.find.bm25 import BM25
from negatives.find.fused import Fused
from negatives.find.sampled import Random
from negatives.judge.positive_aware import Margin, PercentOfPositive
from negatives.pick.quotas import Quotas
from negatives.pick.stratified import Stratified
from negatives.pick.top import Top
from negatives.recipe import Recipe, from_settings, load_recipe, parse, shipped
from tests.each import for_each

MINIMAL = '[[find]]\nkind = "bm25"\n[pick]\nkind = "top"\n'

text = st.text(max_size=30) | st.sampled_from(['"', "\\", "\n", "\x7f", "\t", "'''", "é€😀", "#"])
name = st.text("abcxyz019-", min_size=1, max_size=8)
number = st.floats(-1e12, 1e12)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    labels = draw(st.lists(name, min_size=3, max_size=3, unique=True))
    weights = draw(st.lists(st.floats(0, 1e12), min_size=2, max_size=2))
    fused = Fused(
        name=labels[2],
        of=labels[:2],
        weights=weights if any(weights) else [],
        method=draw(st.sampled_from(["rrf", "min-max", "z-score"])),
    )
    bm25 = BM25(
        name=labels[0],
        k1=draw(st.floats(0, 1e12)),
        b=draw(st.floats(0, 1)),
        stop_words=draw(st.booleans() | st.lists(text, max_size=3)),
    )
    quotas = Quotas(
        quotas={"first": 1, **draw(st.dictionaries(text, st.integers(0, 3), max_size=3))},
        per_query=draw(st.integers(10, 32_767)),
    )
    edges = sorted(draw(st.sets(number, max_size=4)))
    return Recipe(
        find=(bm25, Random(name=labels[1], top=draw(st.integers(1, 2**31 - 1))), fused),
        judge=(PercentOfPositive(0.5, centre=draw(number), scorer=draw(text)), Margin(0.1)),
        pick=draw(st.sampled_from([quotas, Stratified(by=draw(text), edges=edges), Top()])),
        name=draw(text),
        paper=draw(text),
        about=draw(text),
        seed=draw(st.integers(-(2**63), 2**63 - 1)),
        reference=draw(st.sampled_from(["", labels[0]])),
        shard=draw(st.integers(1, 10**9)),
    )


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(recipes())
def test_what_is_written_as_toml_is_read_back_the_same(recipe: Recipe) -> None:
    again = parse(recipe.to_toml())
    assert again == recipe
    assert repr(again) == repr(recipe)  # signed zeros included


@pytest.mark.slow
@given(st.lists(text, max_size=4), st.dictionaries(text, st.integers(0, 1), max_size=4))
def test_any_text_survives_in_lists_and_tables(words: list[str], table: dict[str, int]) -> None:
    picker = Quotas(quotas={**table, "one": 1}, per_query=100)
    recipe = Recipe(find=(BM25(stop_words=words),), pick=picker)
    read = tomllib.loads(recipe.to_toml())
    assert read["find"][0]["stop_words"] == words
    assert read["pick"]["quotas"] == {**table, "one": 1}


@pytest.mark.slow
@for_each("shipped_name", shipped())
def test_every_shipped_recipe_is_read_back_the_same(shipped_name: str) -> None:
    recipe = load_recipe(shipped_name)
    assert recipe.name == shipped_name
    assert recipe.about
    assert parse(recipe.to_toml()) == recipe


@pytest.mark.slow
@given(recipes())
def test_settings_are_plain_and_make_the_recipe_again(recipe: Recipe) -> None:
    assert from_settings(recipe.settings()) == recipe


def test_the_toml_writes_out_every_default_with_its_meaning() -> None:
    written = parse(MINIMAL).to_toml()
    assert "seed = 0  # every random choice derives from this and the ids of the pair" in written
    assert "k1 = 1.2  # saturation of term frequency" in written
    assert "per_query = 7  # negatives asked for each query" in written


def test_the_reference_is_the_last_dense_source_else_the_last_that_scores_any_pair() -> None:
    from negatives.find.dense import Dense

    pick = Top()
    bm25, other, dense = BM25(), BM25(name="other"), Dense()
    assert Recipe(find=(dense, bm25), pick=pick).reference_source == "dense"
    assert Recipe(find=(dense, Dense(name="two")), pick=pick).reference_source == "two"
    assert Recipe(find=(bm25, other), pick=pick).reference_source == "other"
    assert Recipe(find=(bm25, dense), pick=pick, reference="bm25").reference_source == "bm25"
    assert Recipe(find=(Random(),), pick=pick).reference_source == ""


def message(make: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        make()
    return str(caught.value)


ERRORS = {
    "a misspelt kind": (
        '[[find]]\nkind = "bm52"\n[pick]\nkind = "top"',
        "there is no find kind 'bm52'\n"
        "  where: my.toml: find[0].kind\n"
        "  fix:   did you mean 'bm25'?",
    ),
    "a misspelt setting of a later stage": (
        MINIMAL + '[[judge]]\nkind = "margin"\n[[judge]]\nkind = "skip-top"\nrank = 3',
        "'skip-top' has no setting 'rank'\n"
        "  where: my.toml: judge[1].rank\n"
        "  fix:   did you mean 'ranks'?",
    ),
    "a misspelt section": (
        MINIMAL + '[[jduge]]\nkind = "known"',
        "unknown key 'jduge'\n  where: my.toml: jduge\n  fix:   did you mean 'judge'?",
    ),
    "a wrong type": (
        '[[find]]\nkind = "bm25"\ntop = "many"\n[pick]\nkind = "top"',
        "bm25: Expected `int`, got `str`\n"
        "  where: my.toml: find[0].top\n"
        "  fix:   top: int, candidates per query",
    ),
    "a value out of bounds": (
        '[[find]]\nkind = "bm25"\n[pick]\nkind = "top"\nper_query = 0',
        "top: Expected `int` >= 1\n"
        "  where: my.toml: pick.per_query\n"
        "  fix:   per_query: int, negatives asked for each query",
    ),
    "an infinite value": (
        '[[find]]\nkind = "bm25"\nk1 = inf\n[pick]\nkind = "top"',
        "bm25: k1 = inf: Expected a finite number\n"
        "  where: my.toml: find[0]\n"
        "  fix:   k1: float, saturation of term frequency",
    ),
    "two sources of one name": (
        '[[find]]\nkind = "bm25"\n' + MINIMAL,
        "two sources are both called 'bm25'\n"
        "  where: my.toml: find\n"
        "  fix:   give one of them another `name`",
    ),
    "a reference to no source": (
        'reference = "bm52"\n' + MINIMAL,
        "reference names no source: 'bm52'\n"
        "  where: my.toml: reference\n"
        "  fix:   did you mean 'bm25'?",
    ),
    "a literal key": (
        '[[find]]\nkind = "dense"\napi_key = "sk-123"\n[pick]\nkind = "top"',
        "dense: api_key holds a literal key\n"
        "  where: my.toml: find[0]\n"
        '  fix:   write api_key = "env:NAME_OF_VARIABLE"',
    ),
    "no TOML": (
        "[[find]\n",
        "not TOML: Expected ']]' at the end of an array declaration (at line 1, column 7)\n"
        "  where: my.toml\n"
        "  fix:   see negatives recipes show default, or correct the line that is named",
    ),
    "no source": (
        '[pick]\nkind = "top"',
        "a recipe needs a [[find]] stage, or a [[make]] stage\n"
        "  where: my.toml: find\n"
        '  fix:   add [[find]] with kind = "bm25"',
    ),
    "no picker": (
        '[[find]]\nkind = "bm25"',
        'a recipe needs a [pick] stage\n  where: my.toml\n  fix:   add [pick] with kind = "top"',
    ),
    "a stage that is no table": (
        'find = ["bm25"]\n[pick]\nkind = "top"',
        "a stage is str, expected a table\n"
        "  where: my.toml: find[0]\n"
        "  fix:   write it as [[find]] with a kind",
    ),
    "one table where a list belongs": (
        '[find]\nkind = "bm25"\n[pick]\nkind = "top"',
        "find is dict, expected list\n"
        "  where: my.toml: find\n"
        "  fix:   write it as [[find]] with a kind",
    ),
    "a truth value for a seed": (
        "seed = true\n" + MINIMAL,
        "seed is bool, expected int\n  where: my.toml: seed\n  fix:   such as seed = 1",
    ),
    "shards of nothing": (
        "shard = -1\n" + MINIMAL,
        "shard must be at least 0, not -1\n  where: my.toml: shard\n  "
        "fix:   shard = 0, which lets the candidates say",
    ),
}


@for_each("mistake", ERRORS)
def test_a_mistake_is_named_with_its_file_its_place_and_its_fix(mistake: str) -> None:
    recipe, expected = ERRORS[mistake]
    assert message(lambda: parse(recipe, "my.toml")) == expected


def test_a_literal_key_is_never_repeated_in_the_message() -> None:
    assert "sk-123" not in message(lambda: parse(ERRORS["a literal key"][0]))


def test_an_unknown_recipe_is_told_the_nearest_one() -> None:
    assert message(lambda: load_recipe("defualt")) == (
        "there is no recipe 'defualt'\n"
        "  fix:   did you mean 'default'? (or give the path of a .toml file)"
    )


def test_a_recipe_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL, "utf-8")
    assert load_recipe(path) == parse(MINIMAL)


@pytest.mark.parametrize("content", [None, b"name = '\xff'"])
def test_a_recipe_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    text = message(lambda: load_recipe(path))
    assert text.startswith("cannot read the recipe: ")
    assert f"where: {path}" in text
    assert "fix:" in text


def test_another_picker_leaves_the_rest_of_the_recipe_alone() -> None:
    recipe = parse(MINIMAL)
    again = recipe.with_pick(Top(per_query=3))
    assert again.pick == Top(per_query=3)
    assert again.find == recipe.find

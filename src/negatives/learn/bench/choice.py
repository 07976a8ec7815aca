"""Which recipes are tried, by names or by group, and the baselines that are always beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from negatives.errors import DataError, InputError, RecipeError, nearest
from negatives.needs import refuse_unmet
from negatives.recipe import PURPOSES, Recipe, from_settings, load_recipe, shipped
from negatives.recipe_changes import encoded, override
from negatives.schema import CONTENT, Collection, Side

NAIVE: Final = "naive top"
RANDOM: Final = "random"
AGAINST: Final = NAIVE
"""What all others are tested against: what one does who has thought of nothing."""

_BASELINES: Final = {
    RANDOM: (("random", "random", "Drawn by chance from the whole corpus."),),
    NAIVE: (
        ("dense", "top", "The most similar documents that are not labelled."),
        (
            "co-occurrence",
            "top",
            "The documents that are positives of the same queries most often, and not labelled.",
        ),
    ),
}
"""Of each, the source and the picker; the first that the collection has all for is taken."""
GIVEN: Final = frozenset({*_BASELINES, "none", "sentence-transformers"})
"""What is always measured besides what is asked for."""
_ALL: Final = "all"
_MINING: Final = "mining"
_TRAINING: Final = "training"
GROUPS: Final = (_ALL, _MINING, _TRAINING, *(purpose for purpose in PURPOSES if purpose))
"""What may stand for several recipes: all, those that only mine, those that say how to train,
and what `negatives recipes list` groups by."""


def baselines(per_query: int, collection: Collection, encoder: str) -> list[Recipe]:
    """What is always tried; those that are no recipe (none, another miner) are not among them.

    Where there are no texts that `encoder` could read, nearness is told by judgements alone; where
    there are images or time series that it cannot, `InputError` says how to make one that can.
    """
    made = []
    for name, ways in _BASELINES.items():
        forms = [_baseline(name, *way) for way in ways]
        fit = [form for form in forms if _has_all(encoded(form, encoder), collection)]
        if fit[:1] != forms[:1]:
            _refuse_unread(name, collection, encoder)
        made.append(asked((fit or forms)[0], per_query))
    return made


def _refuse_unread(name: str, collection: Collection, encoder: str) -> None:
    """Raise `InputError` where documents or queries have contents that could be compared."""
    sides: tuple[Side, ...] = ("docs", "queries")
    held = [
        said
        for content, said in CONTENT.items()
        if content != "text" and any(collection.has(side, content) for side in sides)
    ]
    if held:
        raise InputError(
            f"{name!r}, which the recipes are tested against, needs an encoder that reads both "
            f"sides, and one has {held[0]}",
            where=f"--encoder {encoder}",
            fix="train one first, and name it: negatives train DATA --recipe clip --out MODEL "
            "(dbpm-series for time series), then bench ... --encoder MODEL",
        )


def _baseline(name: str, find: str, pick: str, about: str) -> Recipe:
    table = {"find": [{"kind": find, "top": 100}], "pick": {"kind": pick}}
    return from_settings({**table, "name": name, "about": about, "purpose": "baseline"})


def _has_all(recipe: Recipe, collection: Collection) -> bool:
    try:
        refuse_unmet(recipe.find, collection)
    except DataError:
        return False
    return True


def asked(recipe: Recipe, per_query: int) -> Recipe:
    """The recipe with as many negatives a query as all the others."""
    return override(recipe, {"pick.per_query": per_query})


def chosen(
    names: Sequence[str | Path | Recipe], per_query: int
) -> tuple[list[Recipe], dict[str, str]]:
    """The recipes that are named: groups, names, .toml files or recipes; each once, in order.

    Beside them those that cannot have so many negatives a query, with the reason.
    """
    found: dict[str, Recipe] = {}
    refused: dict[str, str] = {}
    for name in names:
        for recipe in _named(name):
            if recipe.name in found or recipe.name in refused:
                continue
            try:
                found[recipe.name] = asked(recipe, per_query)
            except RecipeError as error:
                refused[recipe.name] = f"cannot have {per_query} negatives a query: {error.what}"
    taken = sorted(found.keys() & GIVEN)
    if taken:
        raise InputError(
            f"a recipe is called as one of the baselines: {', '.join(taken)}",
            fix="rename it in its file",
        )
    if not found and not refused:
        raise InputError("no recipe is named", fix="--recipes all, say")
    return list(found.values()), refused


def _named(name: str | Path | Recipe) -> list[Recipe]:
    if isinstance(name, Recipe):
        return [name]
    text = str(name)
    if text in shipped() or text.endswith(".toml"):
        made = load_recipe(name)
        return [replace(made, name=Path(text).stem) if text.endswith(".toml") else made]
    if text not in GROUPS:
        raise InputError(
            f"there is no recipe and no group {text!r}",
            where="--recipes",
            fix=f"{nearest(text, [*shipped(), *GROUPS])} (groups: {', '.join(GROUPS)})",
        )
    every = [load_recipe(each) for each in shipped()]
    if text in (_MINING, _TRAINING):
        return [each for each in every if each.trains == (text == _TRAINING)]
    return [each for each in every if text in (_ALL, each.purpose)]

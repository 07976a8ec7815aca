"""Whether a recipe can be tried here: what it needs and is not there, found before any work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import polars as pl

from negatives.errors import InputError, NegativesError
from negatives.learn.loss import Loss
from negatives.learn.needed import refuse_loss
from negatives.learn.settings import Training
from negatives.learn.source import GRADES
from negatives.models.absent import absent
from negatives.needs import refuse_unmet
from negatives.recipe import LEARNING, LISTS, SINGLE, Recipe
from negatives.recipe_changes import encoded
from negatives.schema import Collection
from negatives.settings import names
from negatives.stage import Stage, build, fields_of


def with_models(recipe: Recipe, use: Mapping[str, str]) -> Recipe:
    """The recipe with other models in place of those that it names: `use` says which for which."""
    if not use:
        return recipe

    def other(stage: Stage) -> Stage:
        named = [each.name for each in fields_of(type(stage)) if names("model", each.type)]
        settings = stage.settings()
        changed = {name: _other(settings[name], use) for name in named}
        return build(stage.section, settings | changed)

    lists = {name: tuple(map(other, getattr(recipe, name))) for name in LISTS}
    single = {name: other(each) for name in SINGLE if (each := getattr(recipe, name)) is not None}
    return replace(recipe, **cast("dict[str, Any]", lists | single))


def refuse_unused(use: Mapping[str, str], recipes: Iterable[Recipe]) -> None:
    """Raise `InputError` for a model that is to be exchanged, and that no recipe names."""
    several = list(recipes)
    for name, other in use.items():
        if all(with_models(each, {name: other}) == each for each in several):
            raise InputError(
                f"no recipe names the model {name!r}",
                where="--use",
                fix="NAME=OTHER, in which NAME is what a recipe has: negatives recipes show RECIPE",
            )


def _other(value: Any, use: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_other(each, use) for each in value]
    return use.get(value, value) if isinstance(value, str) else value


def lacking(recipe: Recipe, collection: Collection, encoder: str) -> str:
    """What the recipe needs and is not there, in words; empty: nothing is missing.

    Its dense sources have `encoder`. Of a recipe that mines nothing, because all its negatives are
    drawn while a model is trained, only the stages that say how are asked.
    """
    done = [each for each in encoded(recipe, encoder).stages if each.section != "train"]
    stages = [each for each in done if recipe.mines or each.section in LEARNING]
    try:
        refuse_unmet(stages, collection)
    except NegativesError as error:
        return error.what
    models = dict.fromkeys(model for each in stages for model in each.opens)
    missing = [why for model in models if (why := absent(model))]
    return f"needs {'; and '.join(missing)}" if missing else ""


def lacking_to_train(recipe: Recipe, collection: Collection) -> str:
    """What training by the whole recipe needs besides; empty: nothing is missing."""
    train, loss = cast("Training", recipe.train), cast("Loss", recipe.learn)
    if loss.needs_labels and not train.taught_by:
        return f"needs a teacher's scores to learn from (learn {loss.kind})"
    try:
        refuse_loss(train, loss)
        if loss.graded and train.taught_by == GRADES:
            positive = collection.qrels.filter(pl.col("relevance") > 0)["relevance"]
            loss.refuse_grades(positive.unique().sort().to_list())
    except NegativesError as error:
        return error.what
    return ""

"""What a training was asked for: by which recipe, and with what data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from negatives.errors import DataError, RecipeError
from negatives.learn.base_models import settings_for
from negatives.learn.loss import ListLoss
from negatives.learn.settings import RerankerTraining, Training
from negatives.models.spec import names_nothing
from negatives.recipe import LEARNING, Recipe, assignment, load_recipe, override
from negatives.secrets import refuse_secrets
from negatives.stage import build
from negatives.store.run import Run, is_run


def recipe_of(data: object, recipe: Recipe | str | Path | None) -> Recipe:
    """The recipe that is named; else the run's own, or the default."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe is not None:
        return load_recipe(recipe)
    run = as_run(data)
    return load_recipe("default") if run is None else run.recipe


def completed(recipe: Recipe, model: str, kind: str = "", changes: Sequence[str] = ()) -> Recipe:
    """The recipe with all three stages of learning, the usual ones where it has none.

    `changes` are `PATH=VALUE` texts; one that sets the kind of a stage makes it anew.
    """
    refuse_secrets(model)
    if model != "static" and names_nothing(model):
        raise DataError(
            f"there is no model at {model!r}",
            where="--model",
            mend="give an existing folder, a hub name, or 'static'",
        )
    train = cast("Training | None", recipe.train)
    if train is None or (kind and train.kind != kind):
        train = settings_for(model, kind)
    made = replace(
        recipe,
        train=train,
        learn=recipe.learn or _usual_loss(train),
        batch=recipe.batch or build("batch", {"kind": "random"}),
    )
    kinds: dict[str, Any] = {
        section: build(section, {"kind": value}, "--set")
        for section in LEARNING
        for path, value in map(assignment, changes)
        if path == f"{section}.kind"
    }
    made = replace(made, **kinds)
    return override(made, [text for text in changes if not assignment(text)[0].endswith(".kind")])


def refuse_mismatch(recipe: Recipe) -> None:
    """Raise `RecipeError` for a loss, or a frozen side, that the kind of model cannot have."""
    train = recipe.train
    if train and train.kind == "sparse" and getattr(train, "frozen", "nothing") != "nothing":
        raise RecipeError(
            "a sparse encoder learns both sides",
            where='train.frozen = "docs"',
            mend='set train.frozen="nothing"',
        )
    if isinstance(recipe.train, RerankerTraining) and not isinstance(recipe.learn, ListLoss):
        raise RecipeError(
            f"the loss {recipe.learn.kind!r} needs embeddings, and a reranker has none",  # type: ignore[union-attr]
            where="learn.kind",
            mend="use a loss of lists, such as softmax-list or pointwise",
        )


def as_run(data: object) -> Run | None:
    """The run that `data` is, or is the folder of."""
    if isinstance(data, Run):
        return data
    if isinstance(data, str | Path) and is_run(Path(data)):
        return Run(data)
    return None


def is_mined_file(path: Path) -> bool:
    """A file whose columns hold negatives; one of pairs only is a collection."""
    if not path.is_file() or path.suffix == ".onnx":
        return False
    from negatives.read.mined.rows import mined_file

    try:
        return mined_file(path).layout.has_negatives
    except DataError:
        return False


def _usual_loss(training: Training) -> Any:
    kind = "softmax-list" if isinstance(training, RerankerTraining) else "multiple-negatives"
    return build("learn", {"kind": kind})

"""What a training was asked for: by which recipe, and with what data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from negatives.errors import DataError, RecipeError
from negatives.events import Emit, Warned, silent
from negatives.exchange import exchanged
from negatives.learn.base_models import usual_kind
from negatives.learn.settings import Training
from negatives.learn.training_set import TrainingSet
from negatives.models.parts import PREFIX, taken_apart
from negatives.models.sort import sort_of
from negatives.models.spec import names_nothing
from negatives.read import hub
from negatives.read.address import Address, parse
from negatives.read.any_table import is_columns
from negatives.read.datasets import is_saved
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.loading import chosen_split
from negatives.read.memory import is_named, mined_table, three_parts
from negatives.read.mined.layout import INTERACTIONS
from negatives.read.mined.rows import MinedFile
from negatives.read.split_files import files_by_split
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import assignment, override
from negatives.schema import Collection
from negatives.secrets import refuse_secrets
from negatives.stage import build, stage_class
from negatives.store.run import Run, is_run

_OF_MINING: Final = frozenset({"find", "judge", "estimate", "pick"})
"""Sections that say which negatives are mined."""


def recipe_of(data: object, recipe: Recipe | str | Path | None, kind: str = "") -> Recipe:
    """The recipe that is named; else the run's own, or the usual one for a trainer of this kind."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe is not None:
        return load_recipe(recipe)
    run = as_run(data)
    if run is not None:
        return run.recipe
    usual = cast("type[Training]", stage_class("train", kind)).usual_recipe if kind else "default"
    return load_recipe(usual)


def completed(
    recipe: Recipe,
    model: str,
    kind: str = "",
    changes: Sequence[str] = (),
    emit: Emit = silent,
) -> Recipe:
    """The recipe with all three stages of learning, the usual ones where it has none.

    `kind` is what is trained, and `changes` are `PATH=VALUE` texts. Another kind of a stage keeps
    the settings that both kinds have; those that are lost are a `Warned` event. Where no kind is
    given, the trainer is that for the sort of model that is named, with the recipe's settings.
    """
    refuse_secrets(model)
    if model.lower().startswith(PREFIX):
        raise RecipeError(
            "what is trained reads a text as it is, and not by parts",
            where="--model",
            fix=f"name the model alone, {taken_apart(model)[1]}; parts are for --encoder",
        )
    if model != "static" and names_nothing(model):
        raise DataError(
            f"there is no model at {model!r}",
            where="--model",
            fix="give an existing folder, a hub name, or 'static'",
        )
    # What is trained comes first: the loss that is usual for it is the one to be changed.
    trained = [text for text in changes if assignment(text)[0] == "train.kind"]
    kinds = [*([f"train.kind={kind}"] if kind else []), *trained]
    usual = assignment(kinds[-1])[1] if kinds else usual_kind(model)
    made = replace(
        recipe,
        train=recipe.train or build("train", {"kind": usual}, "train"),
        batch=recipe.batch or build("batch", {"kind": "random"}),
    )
    made = override(made, kinds, emit) if kinds else _suited(made, model, emit)
    made = _with_choice(made, changes)
    usual = cast("Training", made.train).usual_loss
    made = replace(made, learn=made.learn or build("learn", {"kind": usual}))
    made = override(made, [text for text in changes if text not in trained], emit)
    _tell_unmined(made, changes, emit)
    return made


def _tell_unmined(recipe: Recipe, changes: Sequence[str], emit: Emit) -> None:
    """Warn of changes that are about mining, where no negative is mined to be learned from."""
    if recipe.mines or any(_has_negatives(getattr(each, "set", {})) for each in recipe.round):
        return
    # What is drawn at every step is drawn by the sources.
    idle = _OF_MINING - {"find"} if recipe.draws else _OF_MINING
    for path in _paths(changes, idle):
        emit(Warned(f"{path} changes nothing: this training has no mined negatives"))


def tell_mined_before(
    data: str | Path, recipe: Recipe, changes: Sequence[str], emit: Emit, **said: Any
) -> None:
    """Warn of changes that are about mining, where a run or a file of negatives is learned from.

    `said`: how it is read (`load`). Of a file of responses negatives are mined.
    """
    if not _paths(changes, _OF_MINING):
        return
    responses = cast("Training", recipe.train).gives == "sequences"
    if as_run(data) is not None or not (responses or given_at(data, **said) is None):
        tell_idle(str(data), recipe, changes, emit)


def tell_idle(mined: str, recipe: Recipe, changes: Sequence[str], emit: Emit) -> None:
    """Warn of changes that are about mining: what is learned from, `mined`, has its negatives.

    Rounds, and a training that refreshes its negatives, mine anew all the same.
    """
    if recipe.round or cast("Training", recipe.train).refresh_every:
        return
    for path in _paths(changes, _OF_MINING):
        emit(
            Warned(
                f"{path} changes nothing: {mined} holds negatives that are mined already "
                "(negatives pick RUN takes others of a run)"
            )
        )


def _paths(changes: Sequence[str], sections: frozenset[str]) -> list[str]:
    """Paths of settings that are changed in some sections, each once."""
    paths = dict.fromkeys(assignment(text)[0] for text in changes)
    return [path for path in paths if path.partition(".")[0] in sections]


def _has_negatives(settings: Mapping[str, Any]) -> bool:
    """Whether a round's own settings give its training negatives, written flat or as a table."""
    table = settings.get("train", {})
    inner = table.get("negatives") if isinstance(table, Mapping) else None
    return bool(settings.get("train.negatives", inner))


def tell_other_sort(model: str, training: Training, emit: Emit) -> None:
    """Warn where a dense encoder is made of a reranker, or of a sparse encoder."""
    if training.encodes and training.reads_texts and sort_of(model) != "dense":
        emit(
            Warned(
                f"{model!r} is no dense encoder: one is made of its body, and what was learned for "
                "its head is lost; without train.kind it is trained further as what it is"
            )
        )


def _with_choice(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with the [choose] stage that `changes` name, where it has none of its own.

    All that is said of it is taken at once, since some kinds cannot do without a setting.
    """
    said = dict(assignment(text) for text in changes)
    if recipe.choose is not None or "choose.kind" not in said:
        return recipe
    settings = {
        path.removeprefix("choose."): value
        for path, value in said.items()
        if path.startswith("choose.")
    }
    return replace(recipe, choose=build("choose", settings, "--set choose"))


def _suited(recipe: Recipe, model: str, emit: Emit) -> Recipe:
    """The recipe with the trainer that takes the model; its learning rate is that one's usual."""
    train = cast("Training", recipe.train)
    kind = train.kind_for(model)
    if kind == train.kind:
        return recipe
    stated = {path.removeprefix("train.") for path in recipe.stated if path.startswith("train.")}
    settings = exchanged("train", train.settings(), kind, emit, stated)
    rate = settings.pop("learning_rate", 0.0)
    made = cast("Training", build("train", settings, "train"))
    if rate:
        emit(
            Warned(
                f"[train] learning_rate = {rate:g} is not for a model of this sort ({kind}): "
                f"{made.peak:g} takes its place; --set train.learning_rate=... says another"
            )
        )
    return replace(recipe, train=made)


def as_run(data: object) -> Run | None:
    """The run that `data` is, or is the folder of."""
    if isinstance(data, Run):
        return data
    if isinstance(data, str | Path) and is_run(Path(data)):
        return Run(data)
    return None


def given_at(
    data: str | Path, *, corpus: Any = None, queries: Any = None, **columns: Any
) -> MinedFile | None:
    """What holds negatives already, at a path or an address of the hub; None where nothing does.

    The keywords are those of `load`.
    """
    options = FileOptions.of(**columns)
    return mined_at(data, options, beside=bool(corpus or queries)) or mined_on_hub(data, options)


def mined_at(
    data: str | Path, options: FileOptions = AS_NAMED, *, beside: bool = False
) -> MinedFile | None:
    """The file whose columns hold negatives, understood; None of anything else.

    It may be several, of a folder or of a pattern, or a saved dataset. One of pairs only is a
    collection. So is one of users, items and ratings, in which a dislike is a judged negative,
    unless what has the texts of its ids is `beside` it.

    Raises `DataError` of several files of which some hold negatives and which cannot be read as
    one, and of a split other than train that holds negatives.
    """
    address = _of_rows(data)
    if address is None:
        return None
    from negatives.read.mined.rows import mined_file

    if address.split not in (None, "train"):
        _refuse_another_split(address, options, beside)
        return None
    try:
        found = mined_file(address.path, options=options)
    except DataError:
        if _some_hold_negatives(address, options, beside):
            raise  # else they would be passed over, and others mined
        return None
    return found if _holds_negatives(found, beside) else None


def mined_on_hub(data: str | Path, options: FileOptions = AS_NAMED) -> MinedFile | None:
    """A dataset of the hub, or a folder with configs, that holds negatives; None of all else.

    Raises `DataError` where it cannot be read, or has no such split.
    """
    try:
        address = parse(data)
    except DataError:
        return None
    if address.format != "hub" or is_saved(address.path) or address.by_id or address.reverse:
        return None
    rows = hub.pairs(address, _split_of(address))
    if rows is None:
        return None
    found = mined_table(rows, options=options, name=address.name)
    return found if _holds_negatives(found, beside=False) else None


def _refuse_another_split(address: Address, options: FileOptions, beside: bool) -> None:
    """Raise where a split holds negatives, which would be passed over, and others mined."""
    place = address.path
    try:
        split = _split_of(address)
    except DataError:
        return  # which loading refuses
    if is_saved(place):
        named = place / split
        holds = named.is_dir() and mined_at(named, options, beside=beside) is not None
    else:
        first = files_by_split(place)[split][0]
        named = first.with_name(f"{first.name[: len(split)]}*")
        holds = _some_hold_negatives(address, options, beside)
    if holds:
        raise DataError(
            f"the negatives of a file are learned from by its own name, and the split {split} of a "
            "folder is named",
            where=f"{place}@{split}",
            fix=f"name what holds them: '{named}'",
        )


def _some_hold_negatives(address: Address, options: FileOptions, beside: bool) -> bool:
    """Whether a file of the split, alone, would be one of negatives."""
    from negatives.read.mined.rows import mined_file

    try:
        files = files_by_split(address.path)[_split_of(address)]
        return any(_holds_negatives(mined_file(file, options=options), beside) for file in files)
    except DataError:
        return False


def _split_of(address: Address) -> str:
    """The split that is named, as loading finds it; `DataError` where there is none."""
    saved = address.format == "hub"
    there = hub.splits(address) if saved else [*files_by_split(address.path)]
    return chosen_split(there, address.split, address.name, str(address.path))


def _of_rows(data: str | Path) -> Address | None:
    """The address of a file, or of a folder of files of rows; None of everything else."""
    if Path(data).is_file():
        return None if Path(data).suffix == ".onnx" else Address("pairs", Path(data), str(data))
    try:
        address = parse(data)
    except DataError:
        return None
    of_rows = address.format == "pairs" or (address.format == "hub" and is_saved(address.path))
    return address if of_rows and not (address.by_id or address.reverse) else None


def mined_table_of(data: object) -> MinedFile | None:
    """A table that is handed over and holds negatives, understood; None of everything else."""
    if isinstance(data, Run | Collection | TrainingSet) or is_named(data) or data is None:
        return None
    if three_parts(data) is not None or (isinstance(data, Mapping) and not is_columns(data)):
        return None
    found = mined_table(data)
    return found if _holds_negatives(found, beside=False) else None


def _holds_negatives(file: MinedFile, beside: bool) -> bool:
    layout = file.layout
    return bool(layout.negatives) and (beside or layout.name != INTERACTIONS)

"""bench: all recipes that apply, on one collection, with equal model, steps, batch and time.

Recipes are measured by what they are for. Where a dev split is there, the model that is trained
with a recipe is judged on it; where there is none and queries have several positives, half of those
are hidden, and it is counted how many the recipe takes for negatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np

from negatives.card import Card, Showing
from negatives.errors import InputError
from negatives.events import Emit, silent
from negatives.learn.arms import NONE
from negatives.learn.base_models import usual_kind
from negatives.learn.bench import their_miner
from negatives.learn.bench.applies import refuse_unused, with_models
from negatives.learn.bench.choice import baselines, chosen
from negatives.learn.bench.hidden import Minings
from negatives.learn.bench.in_turn import Way, in_turn
from negatives.learn.bench.trained import METRIC, Fair, TrainedArms, first_arm
from negatives.learn.compare import judged_on, without
from negatives.learn.dev import overlap
from negatives.learn.factors import FactorsTraining
from negatives.learn.rows_training import RowsTraining
from negatives.learn.series import SeriesTraining
from negatives.learn.settings import Training
from negatives.learn.towers import TowersTraining
from negatives.learn.trainings import ARMS, Trainings
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.models.by_id import SIDES
from negatives.models.sort import encoder_beside
from negatives.needs import refuse_unmet
from negatives.read import DEV, as_collection, new_split, splits
from negatives.read.quarantine import Quarantine, as_quarantine
from negatives.recipe import Recipe
from negatives.schema import Collection
from negatives.secrets import refuse_secrets
from negatives.show.bench import bench_card, bench_page, bench_picture
from negatives.stage_base import build
from negatives.store.atomic import write_json, write_text
from negatives.store.fingerprints import refuse_unlabelled
from negatives.store.work_folder import WorkFolder

FIGURES: Final = "bench.json"
PAGE: Final = "bench.md"
PICTURE: Final = "bench.svg"
ABOUT: Final = {
    NONE: "No mined negatives: only the documents of the other examples of a batch.",
    their_miner.NAME: their_miner.ABOUT,
}
"""The baselines that are no recipes."""
Measure = Literal["auto", "trained", "hidden"]
_SEVERAL: Final = 2
"""Positives a query, at the median, from which hiding half of them tells something."""


def bench_folder(path: Path) -> WorkFolder:
    """The folder of a bench: its plan is the account, and names what is done."""
    return WorkFolder(
        path=path,
        work="bench",
        account="plan.json",
        own=(ARMS, FIGURES, PAGE, PICTURE),
        replaced="choose another --out",
    )


@dataclass(frozen=True, repr=False)
class Benched(Showing):
    """What came of it, in plain values: a row a recipe, and which were left out, and why."""

    figures: dict[str, Any]

    def __repr__(self) -> str:
        figures = self.figures
        told = ", ".join(f"{row['recipe']} {_told(row)}" for row in figures["rows"][:3])
        return f"Benched({figures['metric']} on {figures['on']!r}: {told}, ...)"

    def card(self) -> Card:
        """What it says to a person: a recipe a line."""
        return bench_card(self.figures)


def _told(row: Mapping[str, Any]) -> str:
    return f"{row['mean']:.4f}" if "mean" in row else f"{row['false_share']:.1%}"


@watched
def bench(
    data: Collection | str | Path,
    recipes: str | Path | Recipe | Sequence[str | Path | Recipe],
    out: str | Path,
    *,
    measure: Measure = "auto",
    on: Any = None,
    model: str = "static",
    kind: str = "",
    encoder: str | None = None,
    seeds: int = 3,
    per_query: int = 5,
    changes: Sequence[str] = (),
    use: Mapping[str, str] | None = None,
    stop_after: float = 0.0,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    quarantine: str | Path | Quarantine | None = None,
    emit: Emit = shown,
) -> Benched:
    """Measure `recipes` (names, .toml files, recipes, or groups such as "all") side by side.

    `measure` "trained" trains `model` (of a `kind`, see `train`) with each recipe, `seeds` times,
    all with the same steps, batch and time (`changes`, such as train.steps=250), and judges it on
    `on`, by default DATA@dev. "hidden" mines each recipe as often with half of the positives
    hidden, and counts them among the negatives; it is for recipes that only mine. "auto" trains
    where there is a dev split. No mined negatives, random ones, the most similar ones, and
    sentence-transformers' own miner where it is installed are always among them; all are tested
    against the most similar ones, query by query, with p corrected for their number (Holm).

    Where documents and queries have nothing but ids, vectors by id are trained, the most similar
    ones are told by judgements alone (co-occurrence), and what reads texts is left out.

    All have `per_query` negatives a query, at most; a recipe that learns from others of a longer
    list in every epoch keeps its list. `use` gives other models in place of those that recipes
    name: {"http://127.0.0.1:8080/v1#model": "http://host:1/v1#name"}. A recipe that needs what is
    not there is named with the reason, before any work, and one that fails does not stop the
    others. After `stop_after` seconds no other is begun; called again with the same `out`, it
    goes on, also with more recipes or seeds.
    """
    machine = Machine.checked(threads, memory, device)
    if seeds < 1:
        raise InputError("no seed is left to measure with", fix="--seeds 3, say")
    if per_query < 1:
        raise InputError("no negative a query is left", fix="--per-query 5, say")
    if not stop_after >= 0:
        raise InputError(
            f"stop_after is {stop_after:g} seconds",
            fix="give a number above 0, or 0: never stop",
        )
    refuse_secrets(model, encoder or "", *(use or {}).values())
    named = [recipes] if isinstance(recipes, str | Path | Recipe) else list(recipes)
    asked, refused = chosen(named, per_query)
    wanted = [with_models(each, use or {}) for each in asked]
    refuse_unused(use or {}, asked)
    aside = as_quarantine(quarantine)
    collection = as_collection(data, quarantine=aside)
    refuse_unlabelled(collection)
    trained = kind or _kind(model, collection)
    training = cast("Training", build("train", {"kind": trained}, "--kind"))
    mining = encoder or encoder_beside(model, training.encodes)
    if why := their_miner.lacking(collection):
        refused[their_miner.NAME] = why
    folder = bench_folder(Path(out))
    folder.refuse_foreign()
    way: Way
    if _how(measure, collection, on) == "hidden":
        _refuse_of_training(measure, new_split(collection), kind, on, changes)
        way = Minings(folder, collection, mining, seeds, per_query, machine)
    else:
        fair = Fair(model, trained, tuple(changes), per_query)
        way = _trainings(folder, collection, on, aside, fair, mining, seeds, machine)
    known = baselines(per_query, collection, mining)
    with folder.at_work(ARMS):
        figures = in_turn(way, wanted, refused, stop_after, emit) | {
            "per_query": per_query,
            "about": {each.name: each.about for each in [*known, *wanted]} | ABOUT,
        }
        write_json(folder.path / FIGURES, figures)
        write_text(folder.path / PICTURE, bench_picture(figures))
        write_text(folder.path / PAGE, bench_page(figures, PICTURE))
    return Benched(figures)


def exchanges(texts: Sequence[str]) -> dict[str, str]:
    """What `use` takes, from texts NAME=OTHER.

    >>> exchanges(["http://127.0.0.1:8080/v1#model=http://127.0.0.1:9000/v1#mine"])
    {'http://127.0.0.1:8080/v1#model': 'http://127.0.0.1:9000/v1#mine'}
    """
    found = {}
    for text in texts:
        name, equals, other = text.partition("=")
        if not (name and equals and other):
            raise InputError(
                f"not NAME=OTHER: {text!r}", where="--use", fix="NAME is what the recipe names"
            )
        found[name] = other
    return found


def _kind(model: str, collection: Collection) -> str:
    """What is trained where nobody says: what is usual for the model where both sides have texts;
    else what reads the images or the time series that there are; vectors by id where nothing does.
    """
    if all(collection.has(side, "text") for side in SIDES):
        return usual_kind(model)
    small: tuple[type[RowsTraining], ...] = (TowersTraining, SeriesTraining)
    read = [each().kind for each in small if each.reads(collection)]
    return read[0] if read else FactorsTraining().kind


def _how(measure: Measure, collection: Collection, on: Any) -> Literal["trained", "hidden"]:
    if measure != "auto":
        return measure
    origin = collection.origin.partition("@")[0]
    if on is not None or (origin and {*DEV} & {*splits(origin)}):
        return "trained"
    each = collection.positives.group_by("query").len()["len"].to_numpy()
    if len(each) and np.median(each) >= _SEVERAL:
        return "hidden"
    raise InputError(
        "there is no dev split to judge on, and most queries have one positive, which cannot be "
        "hidden",
        where=collection.origin or collection.name,
        fix=f"{new_split(collection)}; or name one with --on",
    )


def _refuse_of_training(
    measure: Measure, otherwise: str, kind: str, on: Any, changes: Sequence[str]
) -> None:
    """Raise `InputError` where something is asked of trainings, and none will be carried out."""
    asked = [*changes]  # of --set, and of options such as --steps
    asked += [f"--kind {kind}"] if kind else []
    asked += ["--on"] if on is not None else []
    if not asked:
        return
    other = "say --measure trained" if measure == "hidden" else f"to train, {otherwise}"
    raise InputError(
        f"nothing is trained where half of the positives are hidden, and {asked[0]} is about a "
        "training",
        where=f"--measure {measure}",
        fix=f"leave it out; or {other}",
    )


def _trainings(
    folder: WorkFolder,
    collection: Collection,
    on: Any,
    aside: Quarantine | None,
    fair: Fair,
    encoder: str,
    seeds: int,
    machine: Machine,
) -> TrainedArms:
    """All ready to train: dev queries that are trained with are left out."""
    judged = judged_on(collection, on, aside)
    first = first_arm(fair, collection, encoder)
    refuse_unmet((cast("Training", first.recipe.train),), collection)
    shared = overlap(collection, judged)
    trainings = Trainings(
        folder=folder,
        collection=collection,
        judged=without(judged, shared),
        model=fair.model,
        encoder=encoder,
        seeds=seeds,
        metrics=(METRIC,),
        keep_models=False,
        machine=machine,
        emit=silent,
    )
    return TrainedArms(trainings, fair, first, len(shared))

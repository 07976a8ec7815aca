"""compare: the same training with different negatives, and whether the difference is one.

Every arm starts from the same model and has the same steps, batch size and trainer's settings; only
negatives, and what the recipe itself says of loss and batches, differ. Each is trained once a seed
and judged on all queries of a split that is not trained with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import polars as pl

from negatives.card import Card, Showing
from negatives.errors import InputError
from negatives.events import Emit, Warned, once
from negatives.learn.arms import NONE, Arm, arms_of, texts_of
from negatives.learn.dev import overlap
from negatives.learn.request import completed, tell_idle
from negatives.learn.settings import Training
from negatives.learn.source import for_these_data
from negatives.learn.trainings import ARMS, Measured, Trainings
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.measure.metric_names import parse_metrics
from negatives.models.sort import encoder_beside
from negatives.needs import refuse_unmet
from negatives.read import DEV, as_collection, load, new_split, splits
from negatives.read.quarantine import Quarantine, as_quarantine
from negatives.recipe import Recipe
from negatives.run.automatic import AUTO
from negatives.schema import Collection
from negatives.secrets import refuse_secrets
from negatives.show.comparison import comparison_card
from negatives.store.atomic import write_json
from negatives.store.fingerprints import refuse_unlabelled
from negatives.store.work_folder import WorkFolder

METRICS: Final = ("nDCG@10", "RR@10", "R@100")
FIGURES: Final = "compare.json"


def comparison_folder(path: Path) -> WorkFolder:
    """The folder of a comparison: its plan is the account, and names the tables of figures."""
    return WorkFolder(
        path=path,
        work="comparison",
        account="plan.json",
        own=(ARMS, FIGURES, "compare.html"),
        replaced="choose another --out",
    )


@dataclass(frozen=True, repr=False)
class Compared(Showing):
    """What came of it: `figures` (plain values), and per_query frames by arm, one a seed."""

    figures: dict[str, Any]
    per_query: dict[str, list[pl.DataFrame]]

    def __repr__(self) -> str:
        metric, rows = next(iter(self.figures["metrics"].items()))
        told = ", ".join(f"{row['arm']} {row['mean']:.4f}" for row in rows)
        return f"Compared({metric} on {self.figures['on']!r}: {told})"

    def card(self) -> Card:
        """What it says to a person: an arm a line."""
        return comparison_card(self.figures)


@watched
def compare(
    data: Collection | str | Path,
    arms: Sequence[str | Path | Recipe],
    out: str | Path,
    *,
    on: Any = None,
    model: str = "static",
    kind: str = "",
    changes: Sequence[str] = (),
    control: str = NONE,
    encoder: str | None = None,
    seeds: int = 5,
    metrics: Sequence[str] = METRICS,
    keep_models: bool = False,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    quarantine: str | Path | Quarantine | None = None,
    emit: Emit = shown,
) -> Compared:
    """Train `model` with the negatives of every arm, `seeds` times each, and judge them on `on`.

    An arm is a recipe (a name, a .toml file, a `Recipe`), a run directory, or a file of mined
    negatives; `control` "none" adds one without mined negatives. The first arm is what the others
    are tested against: paired randomisation over queries, p-values corrected for their number
    (Holm). `changes` are `PATH=VALUE` texts for all arms (train.steps=400). `on`: DATA@dev where
    it is not named; its queries that are trained with are left out. `quarantine`: a file in which
    bad rows of both are set aside. `out` keeps the figures, and
    goes on where it was stopped.
    """
    machine = Machine.checked(threads, memory, device)
    if seeds < 1:
        raise InputError("no seed is left to train with", fix="--seeds 3, say")
    refuse_secrets(model, encoder or "")
    parse_metrics(metrics)
    aside = as_quarantine(quarantine)
    collection = as_collection(data, quarantine=aside)
    refuse_unlabelled(collection)
    judged = judged_on(collection, on, aside)
    emit = once(emit)
    complete = partial(completed, model=model, kind=kind, changes=changes, emit=emit)
    if AUTO in arms:
        mining = encoder or encoder_beside(model)
        _, named = for_these_data(collection, mining, machine, emit)
        arms = [replace(named, name=AUTO) if arm == AUTO else arm for arm in arms]
    chosen = arms_of(arms, control, complete)
    training = cast("Training", chosen[0].recipe.train)
    own = []
    for arm in chosen:
        if arm.data is not None:
            tell_idle(f"the arm {arm.name}", arm.recipe, changes, emit)
            own.append(texts_of(arm.data, collection))
    trained = [collection, *own]
    for each in trained:
        refuse_unmet((training,), each)
    shared = np.unique(np.concatenate([overlap(each, judged) for each in trained]))
    folder = comparison_folder(Path(out))
    folder.refuse_foreign()
    work = Trainings(
        folder=folder,
        collection=collection,
        judged=without(judged, shared),
        model=model,
        encoder=encoder or encoder_beside(model, training.encodes),
        seeds=seeds,
        metrics=tuple(metrics),
        keep_models=keep_models,
        machine=machine,
        emit=emit,
    )
    with folder.at_work(ARMS):
        return Compared(*_figures(work, chosen, len(shared), emit))


def _figures(
    work: Trainings, arms: list[Arm], left_out: int, emit: Emit
) -> tuple[dict[str, Any], dict[str, list[pl.DataFrame]]]:
    """What came of all arms, and the figures by query that it is made of."""
    plan = work.begun({"arms": {arm.name: work.of_arm(arm) for arm in arms}}, arms)
    if left_out:
        emit(Warned(f"{left_out} queries are trained with, and left out of the comparison"))
    measured: dict[str, Measured] = {}
    for place, arm in enumerate(arms):
        done, total = place * work.seeds, len(arms) * work.seeds
        measured[arm.name] = work.measured(arm, plan, done, total)
    figures = work.figures(measured, arms[0], left_out)
    write_json(work.folder.path / FIGURES, figures)
    plan["status"] = "done"
    work.folder.write(plan)
    return figures, {name: each.frames for name, each in measured.items()}


def judged_on(train: Collection, on: Any, aside: Quarantine | None) -> Collection:
    """The collection that arms are judged on: the one named, else DATA@dev."""
    if on is not None:
        return as_collection(on, quarantine=aside, lost="count")
    origin = train.origin.partition("@")[0]
    there = splits(origin) if origin else []
    if not {*DEV} & {*there}:
        raise InputError(
            "there is no dev split to judge the arms on"
            + (f" (there are {', '.join(there)})" if there else ""),
            where=train.origin or train.name,
            fix=f"{new_split(train)}; or name one with --on",
        )
    return load(f"{origin}@dev", quarantine=aside, lost="count", **train.read_with)


def without(collection: Collection, rows: Any) -> Collection:
    """The collection without the judgements of some queries, by row."""
    ids = collection.queries["query_id"].gather(rows).implode()
    return replace(collection, qrels=collection.qrels.filter(~pl.col("query_id").is_in(ids)))

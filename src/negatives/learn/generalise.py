"""generalise: what a way of choosing negatives teaches of queries unlike those of training.

Test queries are often like training queries, and a score rewards what remembers (Zhan et al., CIKM
2022). `folds` clusters training and test queries together and leaves one cluster at a time out of
training: of each fold's test queries those of the other clusters interpolate, and those of the one
that was left out extrapolate. `samples` is for few test queries: two trainings on as many queries,
those nearest to the test queries and others far from them, and one test. Negatives are mined inside
each training set, with the model that training starts from, so that nothing is brought along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

import polars as pl

from negatives.errors import InputError
from negatives.events import Emit, Progress, Warned, silent
from negatives.learn.arms import NONE, Arm, arms_of
from negatives.learn.fitting import fitting_base
from negatives.learn.request import completed
from negatives.learn.settings import Training
from negatives.learn.train import train
from negatives.learn.trainings import RERANKED
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.measure.evaluation import evaluate
from negatives.measure.metric_names import parse_metrics
from negatives.measure.protocol import folds, label_overlap, near_and_far
from negatives.measure.significance import compare as compare_queries
from negatives.models.sort import encoder_beside
from negatives.read import as_collection
from negatives.recipe import Recipe
from negatives.schema import Collection
from negatives.secrets import refuse_secrets
from negatives.stats.bootstrap import interval
from negatives.store.atomic import write_json
from negatives.store.fingerprints import fingerprints, refuse_unlabelled
from negatives.store.work_folder import WorkFolder

Protocol = Literal["folds", "samples"]

METRICS: Final = ("nDCG@10",)
FIGURES: Final = "generalise.json"
MODELS: Final = "models"
SIDES: Final = ("interpolation", "extrapolation")


class _Test(NamedTuple):
    """What one model is trained on, and the test queries by side."""

    name: str
    train: Collection
    sides: dict[str, Collection]


_Values = dict[str, dict[str, list[pl.DataFrame]]]
"""Recipe -> side -> the values of its test queries, a frame of each training."""


def generalisation_folder(path: Path) -> WorkFolder:
    """The folder: its plan is the account; each training is a folder in it."""
    return WorkFolder(
        path=path,
        work="generalisation",
        account="plan.json",
        own=(MODELS, FIGURES),
        replaced="choose another --out",
    )


@watched
def generalise(
    data: Any,
    recipes: Sequence[str | Path | Recipe],
    out: str | Path,
    *,
    on: Any,
    protocol: Protocol = "folds",
    buckets: int = 5,
    size: int = 0,
    similar_by: str = "static",
    model: str = "static",
    kind: str = "",
    changes: Sequence[str] = (),
    control: str = NONE,
    metrics: Sequence[str] = METRICS,
    seed: int = 0,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    emit: Emit = shown,
) -> dict[str, Any]:
    """Train `model` by each recipe on what a protocol leaves of `data`, and test it on both sides.

    `similar_by` is the encoder that says which queries are alike, and should not be the one under
    test. `size`: queries of each of the two samples. Returns plain values, which `out` keeps as
    generalise.json: for each recipe and side the mean over queries and its interval, and the
    difference of every recipe to the first. Started again, it goes on where it was stopped.
    """
    machine = Machine.checked(threads, memory, device)
    refuse_secrets(model, similar_by)
    parse_metrics(metrics)
    chosen = arms_of(
        recipes, control, partial(completed, model=model, kind=kind, changes=changes, emit=emit)
    )
    _refuse_mined(chosen)
    trained, tested = as_collection(data), as_collection(on, lost="count")
    if similar_by == model:
        emit(
            Warned(
                f"{model} says which queries are alike, and is what is trained: name another "
                "encoder with --similar-by"
            )
        )
    refuse_unlabelled(trained)
    folder = generalisation_folder(Path(out))
    folder.refuse_foreign()
    fitting_base(chosen, trained, tested, model=model, encoder=model, machine=machine)
    tests = list(_tests(trained, tested, protocol, buckets, size, similar_by, seed))
    _refuse_one_sided(tests, protocol)
    shared = tested.queries.join(trained.queries, on="query_id", how="semi")
    if len(shared):
        emit(
            Warned(
                f"{len(shared):,} of {len(tested.queries):,} test queries are queries of training: "
                "of these, what interpolates was learned by heart"
            )
        )
    inputs = {
        "data": fingerprints(trained), "on": fingerprints(tested), "protocol": protocol,
        "buckets": buckets, "size": size, "similar_by": similar_by, "seed": seed, "model": model,
        "metrics": list(metrics), "arms": {arm.name: arm.recipe.effective() for arm in chosen},
    }  # fmt: skip
    with folder.at_work(MODELS):
        plan = folder.begun(inputs) or {"inputs": inputs, "status": "running"}
        folder.write(plan)
        found: _Values = {arm.name: {side: [] for side in SIDES} for arm in chosen}
        trainings = list(product(chosen, tests))
        for done, (arm, test) in enumerate(trainings, 1):
            one = _one(arm, test, folder.path, model, metrics, seed, asdict(machine))
            for side, values in one:
                found[arm.name][side].append(values)
            emit(Progress("generalise", done, len(trainings), "trainings"))
        figures = {
            "data": f"{trained.name}@{trained.split}",
            "on": f"{tested.name}@{tested.split}",
            "model": model,
            **_reranked(chosen[0], model),
            "protocol": protocol,
            "trainings": [_of(test) for test in tests],
            "relevant in training too": label_overlap(trained, tested),
            "metrics": {name: _table(found, name, seed) for name in metrics},
        }
        write_json(folder.path / FIGURES, figures)
        folder.write({**plan, "status": "done"})
    return figures


def _tests(
    trained: Collection, tested: Collection, protocol: Protocol, buckets: int, size: int,
    encoder: str, seed: int,
) -> Iterator[_Test]:  # fmt: skip
    if protocol == "folds":
        for fold in folds(trained, tested, buckets=buckets, encoder=encoder, seed=seed):
            inside, outside = fold.interpolation, fold.extrapolation
            sides = {"interpolation": inside, "extrapolation": outside}
            kept = {side: each for side, each in sides.items() if len(each.mined_queries)}
            yield _Test(f"without-{fold.bucket}", fold.train, kept)
        return
    samples = near_and_far(
        trained, tested, size or len(trained.mined_queries) // 4, encoder=encoder, seed=seed
    )
    yield _Test("near", samples.interpolation, {"interpolation": tested})
    yield _Test("far", samples.extrapolation, {"extrapolation": tested})


def _refuse_mined(arms: Iterable[Arm]) -> None:
    for arm in arms:
        if arm.data is not None:
            raise InputError(
                f"{arm.name} is mined already, from all of the training queries",
                where="--recipes",
                fix="name the recipe that it was mined by",
            )


def _refuse_one_sided(tests: Sequence[_Test], protocol: Protocol) -> None:
    """Raise `InputError`, before any training, where no test query is on one of the two sides."""
    for side in SIDES:
        if not any(side in test.sides for test in tests):
            raise InputError(
                f"no test query is one of {side}",
                where=f"--protocol {protocol}, {len(tests)} trainings",
                fix="take more --buckets, or a test split whose queries are less alike",
            )


def _of(test: _Test) -> dict[str, Any]:
    """What a training has, in numbers."""
    sides = {side: len(each.mined_queries) for side, each in test.sides.items()}
    return {"name": test.name, "training queries": len(test.train.mined_queries), **sides}


def _one(
    arm: Arm, test: _Test, folder: Path, model: str, metrics: Sequence[str], seed: int,
    machine: dict[str, Any],
) -> Iterator[tuple[str, pl.DataFrame]]:  # fmt: skip
    """The values of each test query by one recipe and one training, side by side."""
    out = folder / MODELS / arm.name / test.name
    made = train(
        test.train, out, model=model, recipe=arm.recipe, mined=arm.mined, look=False, seed=seed,
        emit=silent, **machine,
    )  # fmt: skip
    first = _reranked(arm, model).get("reranked", {}).get("of")
    for side, each in test.sides.items():
        found = evaluate(
            str(made.path),
            each,
            metrics=metrics,
            rerank=first,
            top=RERANKED,
            emit=silent,
            **machine,
        )
        yield side, found.per_query.select("query_id", *metrics)


def _reranked(arm: Arm, model: str) -> dict[str, Any]:
    """What rerankers put in order; nothing of encoders."""
    if not cast("Training", arm.recipe.train).reranks:
        return {}
    return {"reranked": {"of": encoder_beside(model, encodes=False), "top": RERANKED}}


def _table(found: _Values, metric: str, seed: int) -> list[dict[str, Any]]:
    """For each recipe: both sides, their difference, and the gain over the first recipe."""
    rows = []
    first = next(iter(found))
    means = {
        arm: {side: _mean_by_query(frames, metric) for side, frames in sides.items()}
        for arm, sides in found.items()
    }
    for arm, sides in means.items():
        row: dict[str, Any] = {"arm": arm}
        for side, frame in sides.items():
            span = interval(frame[metric].to_numpy(), seed=seed)
            row[side] = {"queries": len(frame), "value": span.value}
            row[side] |= {"low": span.low, "high": span.high}
            if arm != first:
                made = compare_queries(frame, means[first][side], metric, seed=seed)
                row[side] |= {"over": first, "gain": made.difference.value, "p": made.test.p}
        row["lost"] = row["interpolation"]["value"] - row["extrapolation"]["value"]
        rows.append(row)
    return rows


def _mean_by_query(frames: list[pl.DataFrame], metric: str) -> pl.DataFrame:
    """A query that was tested several times counts once, with the mean of its values."""
    return pl.concat(frames).group_by("query_id").agg(pl.col(metric).mean()).sort("query_id")

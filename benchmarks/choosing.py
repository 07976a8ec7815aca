"""Which training examples to learn from, at an equal budget: each chooser beside chance and all.

MedQuAD's own training split, by the first 4,000 queries in the order of a hash of their ids; judged
on the queries of its dev split, among all documents. The built-in static model is trained with
in-batch negatives only, so that nothing but the examples differs, as many steps whatever the number
of examples; three in ten of the examples are chosen. Then once more where one pair in five is
wrong: its document is that of another pair. There a chooser can show what it is worth. All
differences are to chance, paired by query over the mean of the seeds, with p-values corrected for
their number (Holm). Stopped and started again, the benchmark goes on where it was.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.page import write_page
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.events import silent
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.learn.training_set import NOTHING, TrainingSet, training_set
from negatives.measure.evaluation import evaluate
from negatives.measure.significance import compare, holm
from negatives.recipe import Recipe, load_recipe
from negatives.store.atomic import write_json

QUERIES = int(os.environ.get("CHOOSING_QUERIES", "4000"))
STEPS = int(os.environ.get("CHOOSING_STEPS", "100"))
SEEDS = int(os.environ.get("CHOOSING_SEEDS", "3"))
SHARE = 0.3
WRONG = (0.0, 0.2)
METRIC = "nDCG@10"
FIRST = "random"
MODEL = os.environ.get("CHOOSING_MODEL", "")
"""A causal language model, for `ifd`; empty: that row is left out."""

ARMS: dict[str, tuple[str, ...]] = {
    "all examples": (),
    "all, `estimated-order`": ("batch.kind=estimated-order",),
    "all, weight `naive`": ('batch.weight={kind="naive"}',),
    FIRST: ("choose.kind=random",),
    "information-gain": ("choose.kind=information-gain",),
    "one-by-one": ("choose.kind=one-by-one",),
    "quality-rule": ("choose.kind=quality-rule",),
    "hard-but-learned": ("choose.kind=hard-but-learned",),
    "not-naive": ("choose.kind=not-naive",),
    "teacher-and-student": ("choose.kind=teacher-and-student",),
    "self-filtered": ("choose.kind=self-filtered",),
    "by-learning-curve": ("choose.kind=by-learning-curve",),
}
"""What is written in the table -> the settings, besides those that all share."""
if MODEL:
    ARMS["ifd"] = ("choose.kind=ifd", f"choose.model={MODEL}")


def examples(wrong: float) -> TrainingSet:
    """The pairs of the drawn queries, a share of them with the document of another."""
    data = load("medquad@train")
    drawn = uniforms(id_hashes(data.queries["query_id"]), stream_key(0, "benchmark/choosing"))
    kept = data.queries["query_id"].gather(np.sort(np.argsort(drawn)[:QUERIES]))
    qrels = data.qrels.filter(pl.col("query_id").is_in(kept.implode()))
    found = training_set(replace(data, qrels=qrels), NOTHING, 0)
    positives = found.positives.copy()
    chosen = np.random.default_rng(0).permutation(len(positives))[: round(wrong * len(positives))]
    positives[chosen, 1] = np.roll(positives[chosen, 1], 1)
    return replace(found, positives=positives)


def recipe(name: str, seed: int) -> Recipe:
    """How an arm is trained."""
    changes = [f"train.steps={STEPS}", "train.negatives=0", *ARMS[name]]
    if any(change.startswith("choose.") for change in changes):
        changes.append(f"choose.share={SHARE}")
    return replace(completed(load_recipe("default"), "static", changes=changes), seed=seed)


def measured(folder: Path, name: str, seed: int, wrong: float, dev: neg.Collection) -> Any:
    """Per-query figures of one training, and its account; kept."""
    place = folder / f"{wrong:g}" / name.replace("`", "").replace(", ", "-").replace(" ", "-")
    table, told = place / f"{seed}.parquet", place / f"{seed}.json"
    if not told.is_file():
        place.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        made = train(
            examples(wrong),
            place / f"model-{seed}",
            recipe=recipe(name, seed),
            look=False,
            overwrite=True,
            emit=silent,
        )
        found = evaluate(str(made.path), dev, metrics=[METRIC], emit=silent)
        found.per_query.write_parquet(table)
        about = {"examples": made.account["examples"], "chosen": made.account.get("chosen", {})}
        write_json(told, about | {"seconds": round(time.perf_counter() - began, 1)})
        print(f"{wrong:g} {name} {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return pl.read_parquet(table), json.loads(told.read_text("utf-8"))


def rows(folder: Path, wrong: float, dev: neg.Collection) -> list[str]:
    """A table, best first."""
    figures: dict[str, list[pl.DataFrame]] = {}
    accounts: dict[str, Any] = {}
    for name in ARMS:
        both = [measured(folder, name, seed, wrong, dev) for seed in range(SEEDS)]
        figures[name], accounts[name] = [each for each, _ in both], both[0][1]
    others = [name for name in ARMS if name != FIRST]
    tests = {name: compare(figures[name], figures[FIRST], METRIC).as_dict() for name in others}
    corrected = dict(zip(others, holm([tests[name]["p"] for name in others]), strict=True))
    means = {name: [_mean(frame) for frame in frames] for name, frames in figures.items()}
    lines = [
        f"| chosen by | examples | {METRIC} | seeds | to chance | p (Holm) | seconds |",
        "|---|---:|---:|---|---:|---:|---:|",
    ]
    for name in sorted(ARMS, key=lambda each: -float(np.mean(means[each]))):
        value, account = float(np.mean(means[name])), accounts[name]
        against = value - float(np.mean(means[FIRST]))
        shown = "" if name == FIRST else f"{against:+.4f} | {corrected[name]:.3f}"
        lines.append(
            f"| {name} | {account['examples']:,} | {value:.4f} | {_spread(means[name])} | "
            f"{shown or ' | '} | {account['seconds']:.0f} |"
        )
    return lines


def _mean(frame: pl.DataFrame) -> float:
    return float(frame[METRIC].to_numpy().mean())


def _spread(values: Sequence[float]) -> str:
    return " ".join(f"{each:.3f}" for each in values)


def main() -> None:
    """Train every arm, and write the page."""
    began, dev = time.perf_counter(), load("medquad@dev")
    folder = CACHE / "choosing" / f"{QUERIES}-{STEPS}-{SEEDS}"
    lines = []
    for wrong in WRONG:
        title = f"One pair in {round(1 / wrong)} wrong" if wrong else "The pairs as they are"
        lines += [f"## {title}", "", *rows(folder, wrong, dev), ""]
    count = len(examples(0.0))
    about = (
        f"{QUERIES:,} queries, {count:,} pairs, {STEPS} steps of 64, {SEEDS} seeds, "
        f"{len(dev.qrels['query_id'].unique()):,} queries of the dev split. Seconds are those of "
        "one training with its choosing and its evaluation."
    )
    if time.perf_counter() - began > 60:
        about += f" All of it took {(time.perf_counter() - began) / 60:.0f} minutes."
    write_page(
        "choosing-examples", "Choosing training examples", __doc__, [about, "", *lines], "choosing"
    )


if __name__ == "__main__":
    main()

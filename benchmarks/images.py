"""Image-text training on emoji: what retrieved images and edited captions do for two small towers.

3,600 images of emoji and their names. Variants of one emoji by the colour of skin, and of one name,
count as one: the name without its tone is the caption, and all its images are right. Names are
parted into train, dev and test, so that no name of test, and none of its images, was trained with;
a name of test is looked for among all images, and an image of test among all names (recall at 1).
Every arm has the same steps from the same start, learns both directions, and sees the images 32
pixels wide. *Hard images*: for each name the images that the model of the first arm, of the same
seed, finds below 95% of the right one's similarity. *Hard names*: likewise for each image.
*Hardness concentrated*: the loss of the recipe of that name, and nothing mined. *Edited names*: by
`text-edits` with the rules of the recipe `negclip`; *told blind* is how often models that see no
image tell an edited name from a true one (0.5: never, see the check `blind`). *Unified pairs*: the
loss of the recipe `unpg`, of emoji and no faces. *Going on* are half as many epochs more of the
first arm's model, as it is, with batches that hold no two names of a cluster (`g-simclr`), or with
near names together (`sample4geo`, without any place on earth), by that model's vectors. The last
epoch is kept. Which side asks may matter by itself, so that each arm stands beside a control with
the same side asking. Nothing was chosen by these figures. NEGATIVES_BENCH_SEEDS says how many
seeds, NEGATIVES_BENCH_EPOCHS how many passes; what is done is kept.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

import negatives as neg
from benchmarks.data import CACHE, folder
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.events import silent
from negatives.learn.train import train
from negatives.measure.audits import subject_of
from negatives.measure.audits.blind import by_source, told_blind
from negatives.read.split import split, write_split
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.schema import PAIR

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
EPOCHS: Final = int(os.environ.get("NEGATIVES_BENCH_EPOCHS", "12"))
WORK: Final = CACHE / "images"
TONE: Final = re.compile(r"(: |, )?(light|medium-light|medium|medium-dark|dark) skin tone")
OF_TEXTS: Final = ("unpg", "g-simclr", "sample4geo")
"""Recipes that train encoders of texts as they are shipped: towers have their loss and batches."""
METRICS: Final = ("Success@1", "nDCG@10")
"""Of several right ones it counts whether the first is right."""


def emoji() -> Path:
    """The images by names without tones, parted into train, dev and test: a folder."""
    made = WORK / "emoji"
    if not made.is_dir():
        source = folder("emoji_noto").absolute()
        rows = pl.read_ndjson(source / "captions.jsonl", infer_schema_length=None)
        kept = [
            {"image": str(source / row["image"]), "caption": name}
            for row in rows.iter_rows(named=True)
            if (name := TONE.sub("", row["name"]).strip())
        ]
        WORK.mkdir(parents=True, exist_ok=True)
        table = WORK / "captions.jsonl"
        table.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")
        write_split(split(neg.Collection.load(table), dev=0.1, test=0.15), made)
    return made


@dataclass(frozen=True)
class Arm:
    """What is added to the pairs of a batch: nothing, or negatives of one side."""

    name: str
    reverse: bool = False
    """Whether images ask, and names are their negatives."""
    mined: bool = False
    edited: bool = False
    learned: str = "clip"
    """The recipe whose loss, and batches, it has."""
    later: bool = False
    """Whether it goes on from the first arm's model, for half as many epochs."""


ARMS: Final = (
    Arm("in the batch alone"),
    Arm("hard images", mined=True),
    Arm("hardness concentrated", learned="hardness-concentration"),
    Arm("in the batch alone, images ask", reverse=True),
    Arm("hard names", reverse=True, mined=True),
    Arm("edited names", reverse=True, edited=True),
    Arm("hard and edited names", reverse=True, mined=True, edited=True),
    Arm("unified pairs", learned="unpg"),
    Arm("going on", later=True),
    Arm("going on, no cluster twice", learned="g-simclr", later=True),
    Arm("going on, neighbours together", learned="sample4geo", later=True),
)


def control_of(arm: Arm) -> str:
    """The arm without negatives, and batches, of its own that has the same side asking."""
    if arm.later:
        return "going on"
    return "in the batch alone, images ask" if arm.reverse else "in the batch alone"


def recipe_of(arm: Arm, model: Path) -> Recipe:
    """The recipe that makes an arm's negatives."""
    lines = ['name = "bench"']
    if arm.mined:
        lines += ["[[find]]", 'kind = "dense"', f"encoder = {json.dumps(str(model))}", "top = 50"]
        lines += ["[[judge]]", 'kind = "percent-of-positive"', "percent = 0.95"]
    if arm.edited:
        lines += ["[[make]]", 'kind = "text-edits"', "count = 2"]
        lines += ['rules = ["swap", "replace", "attributes", "relations"]']
    lines += ["[pick]", 'kind = "top"', "per_query = 2"]
    path = WORK / "bench.toml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return load_recipe(str(path))


def one(arm: Arm, seed: int, first: Path) -> dict[str, Any]:
    """The figures of one training; `first`: the model of the first arm."""
    data, out = emoji(), WORK / f"{arm.name.replace(' ', '-')}-{seed}"
    source: Any = f"{'reverse:' if arm.reverse else ''}{data}@train"
    told: dict[str, Any] = {}
    if arm.mined or arm.edited:
        run = neg.mine(source, out / "run", recipe=recipe_of(arm, first), seed=seed, emit=silent)
        told["negatives"] = len(run.negatives) / len(run.collection.mined_queries)
        if arm.edited and not arm.mined:
            told["blind"] = blind(run)
        source = run
    changes = [f"train.epochs={EPOCHS // 2 if arm.later else EPOCHS}", "train.size=32"]
    if arm.mined or arm.edited:
        changes.append("train.negatives=2")
    recipe, towers = load_recipe(arm.learned), load_recipe("clip")
    if arm.learned in OF_TEXTS:
        recipe = replace(towers, learn=recipe.learn, batch=recipe.batch)
    recipe = override(recipe, changes)
    began = time.perf_counter()
    begun = str(first) if arm.later else "static"
    made = train(
        source, out / "model", model=begun, recipe=recipe, look=False, seed=seed, emit=silent
    )
    model = made.path
    told["seconds"] = time.perf_counter() - began
    for name, before in (("images", ""), ("names", "reverse:")):
        judged = neg.Collection.load(f"{before}{data}@test")
        found = neg.evaluate(str(model), judged, metrics=list(METRICS), emit=silent).per_query
        for metric in METRICS:
            told[f"{name} {metric}"] = float(found[metric].mean())  # type: ignore[arg-type]
    return told


def blind(run: neg.Run) -> float | None:
    """How often models that see no image tell an edited name from a true one."""
    subject = subject_of(run)
    positives = subject.collection.qrels.filter(pl.col("relevance") > 0).select(PAIR)
    found = told_blind(by_source(subject), subject.collection.corpus, positives)
    first = next(iter(found.values()), None)
    return None if first is None else first.value


def kept(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before under that name, or what is measured now."""
    path = WORK / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(measure()), "utf-8")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    print(name, found, flush=True)
    return found


def measured() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The figures of each arm, seed by seed."""
    found: dict[str, list[dict[str, Any]]] = {arm.name: [] for arm in ARMS}
    for seed in range(SEEDS):
        first = WORK / f"{ARMS[0].name.replace(' ', '-')}-{seed}" / "model"
        for arm in ARMS:
            name = f"{arm.name.replace(' ', '-')}-{seed}-{EPOCHS}"
            found[arm.name].append(kept(name, partial(one, arm, seed, first)))
    yield from found.items()


def cells(figures: list[dict[str, Any]], control: list[dict[str, Any]]) -> list[str]:
    """Recall and nDCG both ways; beside a recall, in how many seeds it is above the control's."""
    made = []
    for side in ("images", "names"):
        key = f"{side} Success@1"
        values = [each[key] for each in figures]
        cell = f"{statistics.mean(values):.3f}"
        cell += f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        if figures is not control:
            above = sum(a > b[key] for a, b in zip(values, control, strict=True))
            cell += f" ({above} of {len(values)} above)"
        made += [cell, f"{statistics.mean(each[f'{side} nDCG@10'] for each in figures):.3f}"]
    return made


def row(name: str, figures: list[dict[str, Any]], control: list[dict[str, Any]]) -> str:
    """A row of the table. The control has no negatives of its own and the same side asking."""
    ratio = statistics.median(
        a["seconds"] / b["seconds"] for a, b in zip(figures, control, strict=True)
    )
    made = [each["negatives"] for each in figures if "negatives" in each]
    told = [each["blind"] for each in figures if each.get("blind") is not None]
    number = f"{statistics.mean(made):.2f}" if made else "none"
    seen = f"{statistics.mean(told):.2f}" if told else ""
    return f"| {name} | {' | '.join(cells(figures, control))} | {number} | {seen} | {ratio:.2f} |"


def main() -> None:
    """Train, measure, write the page."""
    emoji()
    found = dict(measured())
    control = found[ARMS[0].name]
    parts = {name: neg.Collection.load(f"{emoji()}@{name}") for name in ("train", "test")}
    lines = [
        "## emoji",
        "",
        f"{len(parts['train'].mined_queries):,} names in train and "
        f"{len(parts['test'].mined_queries):,} in test, {len(parts['test'].corpus):,} images; "
        f"{EPOCHS} epochs, {SEEDS} seeds. Negatives are those an example has on average, of the "
        "two asked for.",
        "",
        "| arm | image by name, R@1 | nDCG@10 | name by image, R@1 | nDCG@10 | negatives | "
        "told blind | time |",
        "|---|---|---:|---|---:|---:|---:|---:|",
        *(row(arm.name, found[arm.name], found[control_of(arm)]) for arm in ARMS),
    ]
    figure: dict[str, Any] = {
        "stage": "emoji",
        "title": "Images of emoji by their names",
        "metric": "R@1",
        "model": "small towers",
        "seeds": SEEDS,
        "seconds": round(statistics.mean(each["seconds"] for each in control), 1),
    }
    key = "images Success@1"
    means = {
        name: round(statistics.mean(each[key] for each in figures), 5)
        for name, figures in found.items()
    }
    plain, hard, later = "in the batch alone", "hardness concentrated", "going on"
    recipes = (
        ("clip", plain, "hard images"),
        ("hardness-concentration", hard, plain),
        ("unpg", "unified pairs", plain),
        ("g-simclr", "going on, no cluster twice", later),
        ("sample4geo", "going on, neighbours together", later),
    )
    package(
        "images",
        {
            recipe: [figure | {"value": means[name], "naive": means[beside], "beside": beside}]
            for recipe, name, beside in recipes
        },
    )
    write_page("images", "Images and their names", __doc__, lines)


if __name__ == "__main__":
    main()

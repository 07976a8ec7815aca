"""Neighbours on a map, then by what they look like: the batches of `sample4geo` on real images.

The images are emoji and the places are made up: an emoji stands on a map of one degree a step where
the order of Unicode puts it, to and fro in rows of 60, so that what is near on the map often looks
alike, as houses of a street do; all images of one name stand at one place. The name asks, as a view
from the ground does, and its image is found among all images, as a view from above; then the other
way round (recall at 1). Two small towers learn from nothing, all for the same epochs, from the same
start. *At random*: the recipe `clip`. *The map*: batches are filled with neighbours on the map to
the end. *The map, then the model*: so until the first refresh, then with neighbours by the model as
it is, which is what the paper does; towers that have learned nothing have no vectors to begin with.
The last epoch is kept, and nothing was chosen by these figures. NEGATIVES_BENCH_SEEDS says how many
seeds, NEGATIVES_BENCH_EPOCHS how many passes; what is done is kept.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE
from benchmarks.images import METRICS, cells, emoji
from benchmarks.page import write_page
from negatives.batch.places import kilometres, on_earth
from negatives.events import silent
from negatives.learn.train import train
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from negatives.wording import plural

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
EPOCHS: Final = int(os.environ.get("NEGATIVES_BENCH_EPOCHS", "8"))
WORK: Final = CACHE / "places"
ROW: Final = 60
ARMS: Final[dict[str, tuple[str, ...]]] = {
    "at random": (),
    "the map": ("batch.begin=places",),
    "the map, then the model": ("batch.begin=places", "batch.refresh=2"),
}


def placed() -> Path:
    """The emoji of `images`, parted as there, each image with a latitude and a longitude."""
    made = WORK / "emoji"
    if not made.is_dir():
        WORK.mkdir(parents=True, exist_ok=True)
        shutil.copytree(emoji(), made, dirs_exist_ok=True)
        corpus = pl.read_ndjson(made / "corpus.jsonl", infer_schema_length=None)
        names = pl.concat(
            pl.read_csv(path, separator="\t", schema_overrides={"score": pl.Int64})
            for path in sorted((made / "qrels").glob("*.tsv"))
        )
        names = names.rename({"query-id": "name", "corpus-id": "_id"}).unique("_id")
        code = pl.col("_id").str.extract(r"([0-9a-f]+)[^/]*\.png$").str.to_integer(base=16)
        rows = corpus.join(names.select("_id", "name"), on="_id", how="left")
        rows = rows.with_columns(step=code.min().over("name").rank("dense").cast(pl.Int64) - 1)
        row, along = pl.col("step") // ROW, pl.col("step") % ROW
        along = pl.when(row % 2 == 0).then(along).otherwise(ROW - 1 - along)
        rows = rows.with_columns(latitude=row - 15.0, longitude=along.cast(pl.Float64))
        rows.drop("name", "step").sort("_id").write_ndjson(made / "corpus.jsonl")
    return made


def one(arm: str, seed: int) -> dict[str, Any]:
    """The figures of one training."""
    data, towers = placed(), load_recipe("clip")
    recipe = (
        replace(towers, batch=load_recipe("sample4geo").batch) if arm != "at random" else towers
    )
    changes = (f"train.epochs={EPOCHS}", "train.size=32", "train.batch_size=128", *ARMS[arm])
    out = WORK / f"{arm.replace(' ', '-')}-{seed}"
    made = train(
        f"{data}@train", out, model="static", recipe=override(recipe, list(changes)), look=False,
        seed=seed, emit=silent,
    )  # fmt: skip
    told: dict[str, Any] = {}
    for side, before in (("images", ""), ("names", "reverse:")):
        judged = neg.Collection.load(f"{before}{data}@test")
        found = neg.evaluate(str(made.path), judged, metrics=list(METRICS), emit=silent).per_query
        for metric in METRICS:
            told[f"{side} {metric}"] = float(found[metric].mean())  # type: ignore[arg-type]
    return told


def kept(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before under that name, or what is measured now."""
    path = WORK / f"{name.replace(' ', '-')}.json"
    if not path.exists():
        path.write_text(json.dumps(measure()), "utf-8")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    print(name, found, flush=True)
    return found


def row(name: str, figures: list[dict[str, Any]], control: list[dict[str, Any]]) -> str:
    """A row of the table; the control is batches at random."""
    return f"| {name} | {' | '.join(cells(figures, control))} |"


def alike() -> tuple[float, float]:
    """How much less the pixels of an image differ from its nearest neighbour's on the map than from
    those of any other: mean difference of a level of 255 each, 16 pixels wide.
    """
    from negatives.models.images import squares

    data = neg.Collection.load(f"{placed()}@train")
    seen = squares(data.image_paths("docs").to_list(), 16).reshape(len(data.corpus), -1)
    place = on_earth(*(data.corpus[name].to_numpy() for name in ("latitude", "longitude")))
    drawn = np.random.default_rng(0).choice(len(seen), 500, replace=False)
    near, other = [], []
    for at in drawn:
        away = kilometres(place, np.repeat(place[at][None], len(place), 0))
        apart = np.abs(seen[at].astype(float) - seen).mean(1)
        beside = (away > 1) & (away < 200)  # its own place holds its other tones
        near.append(apart[beside].mean())
        other.append(apart[away > 1].mean())
    return float(np.mean(near)), float(np.mean(other))


def main() -> None:
    """Train, measure, write the page."""
    placed()
    near, other = alike()
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for seed in range(SEEDS):
        for arm in ARMS:
            found[arm].append(kept(f"{arm}-{seed}-{EPOCHS}", partial(one, arm, seed)))
    control = found["at random"]
    lines = [
        f"{EPOCHS} epochs of batches of 128, {plural(SEEDS, 'seed')}. An image differs from its "
        f"neighbours on the map by {near:.0f} of 255 levels on average, and from all by "
        f"{other:.0f}.",
        "",
        "| batches | image by name, R@1 | nDCG@10 | name by image, R@1 | nDCG@10 |",
        "|---|---|---:|---|---:|",
        *(row(arm, found[arm], control) for arm in ARMS),
    ]
    write_page("places", "Neighbours on a map", __doc__, lines)


if __name__ == "__main__":
    main()

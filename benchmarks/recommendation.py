"""Which negatives make the better recommender, and how many of them users turn out to like.

lastfm (1,892 users), and one in fifteen of gowalla's users, drawn by their ids, with the items that
at least five of them have. Vectors of 64 numbers by id, learned from the training file alone; what
is measured is the ranking of all items that a user has not had in training by the test file
(nDCG@20). Every arm gets the same budget: the same learning rates and strengths of regularisation
are tried once, on a tenth of the training pairs that is held out for that; the best is trained on
all of them with each seed. *Held-out among negatives* is the share of the negatives drawn over the
last epoch that the test file says the user likes: nobody could have known. BPO is the fair control
of NBPO: the same loss without flips. `implicit`'s BPR is trained by its own loop with the same
budget. 60 epochs of lastfm are 2,500 steps, and 30 of the sample of gowalla 450.
NEGATIVES_BENCH_SEEDS says how often each arm is trained; what is done is kept, seed by seed.
NEGATIVES_BENCH_SETS names some of the data sets, NEGATIVES_BENCH_SCALE shortens all (for a try).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, folder
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.events import silent
from negatives.learn import drawn
from negatives.learn.drawn import StepDraws
from negatives.learn.train import train
from negatives.learn.training_set import NOTHING, training_set
from negatives.measure.elsewhere import WithoutKnown
from negatives.models.by_id import IdEncoder
from negatives.read import load
from negatives.read.split_pairs import split_pairs
from negatives.recipe import Recipe, load_recipe, shipped
from negatives.recipe_changes import override
from negatives.sample.exclusion import Exclusion
from negatives.schema import Collection
from negatives.store.atomic import write_json

METRIC: Final = "nDCG@20"
WORK: Final = CACHE / "recommendation"
SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
SCALE: Final = float(os.environ.get("NEGATIVES_BENCH_SCALE", "1"))
RATES: Final = (0.005, 0.02)
STRENGTHS: Final = (0.0, 0.003, 0.03)
"""What is tried of every arm: learning rates by strengths of regularisation."""
THREADS: Final = min(2, len(os.sched_getaffinity(0)))
SETS: Final = os.environ.get("NEGATIVES_BENCH_SETS", "lastfm gowalla").split()
ESTIMATES: Final = "ids"
"""The recipe that estimates p_relevant without texts."""


@dataclass(frozen=True)
class Arm:
    """A recipe and what is changed of it; `plain`: known positives may be drawn, too."""

    name: str
    recipe: str
    changes: tuple[str, ...] = ()
    plain: bool = False
    bounded: bool = False
    """Whether what a run holds for probably relevant is not drawn."""


# fmt: off
ARMS: Final = (
    Arm("uniform, known not excluded", "bpr", plain=True),
    Arm("uniform", "bpr"),
    Arm("popularity^.75", "bpr", ("find.random.kind=popularity",)),
    Arm("DNS-4", "dns", ("find.dynamic.draws=4",)),
    Arm("DNS-16", "dns", ("find.dynamic.draws=16",)),
    Arm("DNS-64", "dns", ("find.dynamic.draws=64",)),
    Arm("DNS-16, p_relevant at most .02", "dns", ("find.dynamic.draws=16",), bounded=True),
    Arm("BPO-4", "nbpo", ("learn.kind=pointwise", "learn.similarity=dot",
                          "learn.positive_weight=4")),
    Arm("NBPO-4", "nbpo"),
    Arm("sampled softmax-64 with log_q", "sampled-softmax"),
)
# fmt: on
GOWALLA_SHARE: Final = 15
"""One in how many of gowalla's users is taken: about as many as lastfm has."""
EPOCHS: Final = {"lastfm": 60, "gowalla": 30}
COMMON: Final = ("train.dim=64", "train.batch_size=1024")


# ---- the data ------------------------------------------------------------------------------------


def data(name: str) -> dict[str, Collection]:
    """train and test of a set, and `inner` and `held`: train without a tenth of it, and that."""
    path = folder(name)
    train, test = load(path), load(f"{path}@test")
    if name == "gowalla":
        train, test = sample(train, test)
    parts = split_pairs(train, "pairs", dev=0.1, seed=0).sides
    return {"train": train, "test": test, "inner": parts["train"], "held": parts["dev"]}


def sample(train: Collection, test: Collection) -> tuple[Collection, Collection]:
    """Some of the users, drawn by their ids, and the items that five of them have."""
    users = train.queries.filter(pl.col("query_id").hash(0) % GOWALLA_SHARE == 0)[
        "query_id"
    ].implode()
    own = train.qrels.filter(pl.col("query_id").is_in(users))
    often = own.group_by("doc_id").len().filter(pl.col("len") >= 5)["doc_id"].implode()
    return of_some(train, users, often), of_some(test, users, often)


def of_some(data: Collection, users: pl.Series, items: pl.Series) -> Collection:
    """The collection of some users and items alone."""
    qrels = data.qrels.filter(pl.col("query_id").is_in(users), pl.col("doc_id").is_in(items))
    queries = data.queries.join(qrels, on="query_id", how="semi", maintain_order="left")
    corpus = data.corpus.filter(pl.col("doc_id").is_in(items))
    return Collection(data.name, data.split, corpus, queries, qrels, identity="id")


# ---- one training --------------------------------------------------------------------------------


def recipe_of(arm: Arm, name: str, rate: float, strength: float, bound: Path | None) -> Recipe:
    """The arm's recipe at some settings."""
    epochs = max(1, round(EPOCHS[name] * SCALE))
    said = [*arm.changes, *COMMON, f"train.epochs={epochs}", f"train.learning_rate={rate}"]
    if bound is not None:
        said += [f"train.estimates={bound}", "train.max_p=0.02"]
    return override(load_recipe(arm.recipe), [*said, f"train.regularisation={strength}"])


def measured(model: Any, seen: Collection, judged: Collection) -> float:
    """nDCG@20 over all items but those that a user had in training."""
    known = WithoutKnown((seen,))
    found = neg.evaluate(
        model, judged, metrics=[METRIC], depth=20, protocols=[known], threads=THREADS, emit=silent
    )
    return float(found.figures["metrics"][METRIC]["value"])


def trained(
    arm: Arm, name: str, sets: Mapping[str, Collection], on: str, judged: str, seed: int,
    settings: tuple[float, float],
) -> dict[str, Any]:  # fmt: skip
    """One training of an arm and what came of it."""
    bound = estimates(name, sets[on], on) if arm.bounded else None
    recipe = override(recipe_of(arm, name, *settings, bound), [f"seed={seed}"])
    out = WORK / name / f"model-{os.getpid()}"  # several may train side by side
    began = time.perf_counter()
    with excluding_nothing() if arm.plain else excluding_positives():
        made = train(
            sets[on], out, recipe=recipe, look=False, overwrite=True, threads=THREADS, emit=silent
        )
        false = held_out(made.path, sets[on], sets["test"], recipe)
    return {
        "value": measured(IdEncoder(made.path), sets[on], sets[judged]),
        "held out": false,
        "seconds": round(time.perf_counter() - began, 1),
    }


@contextmanager
def excluding_positives() -> Iterator[None]:
    """As the library draws."""
    yield


@contextmanager
def excluding_nothing() -> Iterator[None]:
    """As tools draw that do not look at what a user has."""

    def nothing(data: Collection, never: pl.DataFrame | None) -> Exclusion:
        none = np.empty(0, np.int64)
        shape = {"queries": len(data.queries), "docs": len(data.corpus)}
        return Exclusion.from_pairs(none, none, **shape)

    with mock.patch.object(drawn, "excluded", nothing):
        yield


def held_out(path: Path, train_set: Collection, test: Collection, recipe: Recipe) -> float:
    """The share of the negatives of an epoch, chosen by the model as it ended, that test likes."""
    found = training_set(train_set, NOTHING, 0)
    made: Any = recipe.train
    draws = StepDraws.of(
        found, recipe.find, made.negatives, recipe.seed, made.never(train_set), silent
    )
    likes = {*train_set.rows_of(test.qrels.filter(pl.col("relevance") > 0)).select("query", "doc")
             .iter_rows()}  # fmt: skip
    keys = np.sort([user * len(train_set.corpus) + doc for user, doc in likes])
    queries, docs = (table.vectors for table in IdEncoder(path).sides)
    wrong = total = 0
    for start in range(0, len(found), 4096):
        rows = np.arange(start, min(start + 4096, len(found)))
        users = found.positives[rows, 0].astype(np.int64)
        for each in draws.draw(rows, 1 << 20):
            scores = np.einsum("nd,nsmd->nsm", queries[users], docs[np.maximum(each.docs, 0)])
            best = np.where(each.docs < 0, -np.inf, scores).argmax(-1)[..., None]
            chosen = np.take_along_axis(each.docs, best, -1)[..., 0]
            pair = (users[:, None] * len(train_set.corpus) + chosen)[chosen >= 0]
            at = np.minimum(np.searchsorted(keys, pair), len(keys) - 1)
            wrong, total = wrong + int((keys[at] == pair).sum()), total + len(pair)
    return wrong / total


def estimates(name: str, train_set: Collection, on: str) -> Path:
    """A run of the training pairs with p_relevant, mined once."""
    out = WORK / name / f"estimates-{on}"
    if not (out / "manifest.json").is_file():
        neg.mine(train_set, out, recipe=ESTIMATES, threads=THREADS)
    return out


# ---- implicit ------------------------------------------------------------------------------------


def of_implicit(
    name: str, sets: Mapping[str, Collection], on: str, judged: str, seed: int,
    settings: tuple[float, float],
) -> dict[str, Any]:  # fmt: skip
    """`implicit`'s BPR, its vectors measured as the others are."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking
    from scipy.sparse import csr_array

    began = time.perf_counter()
    rate, strength = settings
    pairs = sets[on].positives
    rows, columns = pairs["query"].to_numpy(), pairs["doc"].to_numpy()
    shape = (len(sets[on].queries), len(sets[on].corpus))
    model = BayesianPersonalizedRanking(
        factors=64, iterations=max(1, round(EPOCHS[name] * SCALE)), num_threads=1,
        learning_rate=5 * rate, regularization=strength, verify_negative_samples=True,
        random_state=seed,
    )  # fmt: skip
    model.fit(csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape).tocsr(),
              show_progress=False)  # fmt: skip
    ranking = ranked(model.user_factors, model.item_factors, sets[on], sets[judged])
    value = measured(ranking, sets[on], sets[judged])
    return {"value": value, "held out": None, "seconds": round(time.perf_counter() - began, 1)}


def ranked(users: Any, items: Any, seen: Collection, judged: Collection) -> pl.DataFrame:
    """The best items of each user of `judged`, enough to have 20 that were not had in training."""
    asked = judged.queries["query_id"].gather(judged.mined_queries)
    known = pl.DataFrame({"query_id": seen.queries["query_id"]}).with_row_index("row")
    rows = pl.DataFrame({"query_id": asked}).join(known, on="query_id", how="inner")
    most = int(seen.positives.group_by("query").len()["len"].max() or 0) + 20  # type: ignore[arg-type]
    ids, frames = seen.corpus["doc_id"], []
    for part in rows.iter_slices(500):
        scores = users[part["row"].to_numpy()] @ items.T
        depth = min(most, scores.shape[1] - 1)
        best = np.argpartition(-scores, depth, axis=1)[:, :depth]
        frames.append(
            pl.DataFrame(
                {
                    "query_id": part["query_id"].gather(np.repeat(np.arange(len(part)), depth)),
                    "doc_id": ids.gather(best.reshape(-1)),
                    "score": np.take_along_axis(scores, best, axis=1).reshape(-1),
                }
            )
        )
    return pl.concat(frames)


# ---- tuning, seeds, and the page -----------------------------------------------------------------


def kept(name: str, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A figure that was measured before, or is now."""
    path = WORK / name / "figures" / f"{key.replace(' ', '-').replace('^', '')}-{SCALE:g}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, make())
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def figures(name: str) -> list[dict[str, Any]]:
    """Every arm of a set: what was chosen, and what each seed came to."""
    sets = data(name)
    rows = []
    for arm in [*ARMS, None]:
        if arm is not None and arm.bounded and ESTIMATES not in shipped():
            continue
        called = "implicit's BPR" if arm is None else arm.name

        def run(on: str, judged: str, seed: int, chosen: tuple[float, float], arm: Any = arm
                ) -> dict[str, Any]:  # fmt: skip
            if arm is None:
                return of_implicit(name, sets, on, judged, seed, chosen)
            return trained(arm, name, sets, on, judged, seed, chosen)

        tried = {
            (rate, strength): kept(
                name, f"{called} {rate} {strength}",
                lambda s=(rate, strength): run("inner", "held", 0, s),  # type: ignore[misc]
            )["value"]
            for rate in RATES for strength in STRENGTHS
        }  # fmt: skip
        chosen = max(tried, key=lambda each: tried[each])
        seeds = [
            kept(name, f"{called} seed {seed}", lambda s=seed, c=chosen: run("train", "test", s, c))  # type: ignore[misc]
            for seed in range(SEEDS)
        ]
        rows.append({"arm": called, "chosen": chosen, "seeds": seeds})
    return rows


RECIPES: Final = {
    "uniform": "bpr",
    "DNS-4": "dns",
    "NBPO-4": "nbpo",
    "sampled softmax-64 with log_q": "sampled-softmax",
}
"""The arms that are a recipe as it is shipped, tuned as all are; beside them stands uniform."""


def packaged(every: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Of each recipe its figures, a set each: what `negatives recipes show` tells."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, rows in every.items():
        means = {row["arm"]: _mean(row["seeds"], "value") for row in rows}
        for row in rows:
            if row["arm"] not in RECIPES:
                continue
            found.setdefault(RECIPES[row["arm"]], []).append(
                {
                    "stage": name,
                    "title": f"Recommending on {name}",
                    "metric": METRIC,
                    "model": "factors",
                    "seeds": len(row["seeds"]),
                    "value": round(means[row["arm"]], 5),
                    "naive": round(means["uniform"], 5),
                    "beside": "uniform",
                    "seconds": round(_mean(row["seeds"], "seconds"), 1),
                }
            )
    return found


def _mean(seeds: list[dict[str, Any]], key: str) -> float:
    return float(np.mean([each[key] for each in seeds]))


def table(name: str, rows: list[dict[str, Any]]) -> list[str]:
    """A set's table."""
    lines = [
        f"## {name}",
        "",
        f"| negatives | {METRIC} | by seed | held-out among negatives | rate, regularisation | s |",
        "|---|---:|---|---:|---|---:|",
    ]
    for row in sorted(rows, key=lambda row: -np.mean([each["value"] for each in row["seeds"]])):
        values = [each["value"] for each in row["seeds"]]
        shares = [each["held out"] for each in row["seeds"]]
        false = "" if shares[0] is None else f"{np.mean(shares):.2%}"
        seconds = np.mean([each["seconds"] for each in row["seeds"]])
        rate, strength = row["chosen"]
        lines.append(
            f"| {row['arm']} | **{np.mean(values):.4f}** ± {np.std(values):.4f} | "
            f"{' '.join(f'{value:.4f}' for value in values)} | {false} | {rate:g}, {strength:g} | "
            f"{seconds:.0f} |"
        )
    return [*lines, ""]


def main() -> None:
    """Tune, train, measure, and write the page."""
    every = {name: figures(name) for name in SETS}
    lines = [line for name, rows in every.items() for line in table(name, rows)]
    if SCALE == 1:
        package("recommendation", packaged(every))
    write_page("recommendation", "Negatives for recommenders", __doc__, lines)


if __name__ == "__main__":
    main()

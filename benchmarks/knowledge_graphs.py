"""Negatives of knowledge graphs: what each sampler makes of the same model, in PyKEEN's own loop.

TransE of 64 numbers with 16 corruptions a triple, trained by PyKEEN's pipeline; only the negative
sampler differs, and for self-adversarial weights the loss. The learning rate of each arm is the
best of three by the validation split, with a seed of its own. Ranks are filtered by all splits,
ties count half. *Known* are triples of train among the negatives, *true* those of valid and test,
which no sampler may know. What is known is drawn anew where the sampler is this library's, unless
the name says that it is dropped, as PyKEEN's filter does. Seconds are those of training, beside
PyKEEN's simplest sampler with the same seed. Clusters are k-means of the vectors of names and
descriptions (static encoder), of codex_s, of which no names are at hand, those of the same types.
p_relevant is estimated in a run of the recipe lemon, where there are texts and questions few
enough. Of wn18rr a part is taken, trained with and tested by, for the whole takes minutes for each
training and its ranks, and after these a model ranks hardly anything rightly: the triples among
entities that have four of them or more. Two of three of its test triples stand in train the other
way round, as more than a third of the whole's do. NEGATIVES_BENCH_SEEDS says how often each is
trained, NEGATIVES_BENCH_GRAPHS which graphs; what is done is kept.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

import negatives as neg
from benchmarks.data import CACHE, folder
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.arrays import Places
from negatives.learn.graph.triples import Numbering
from negatives.models.open_encoder import open_encoder
from negatives.pykeen import clusters_of
from negatives.sample.triples import Triples

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
RATES = (0.003, 0.01, 0.03)
TUNING = 1_000  # the seed by which the rate is chosen
NEGATIVES = 16
LOOKED_AT = 20_000  # triples whose negatives are looked at
KEPT = CACHE / "knowledge-graphs.jsonl"


@dataclass(frozen=True)
class Task:
    """A graph, and for how long a model is trained."""

    name: str
    epochs: int
    batch: int
    estimated: bool = False
    """Whether p_relevant is estimated."""
    core: int = 0
    """Triples of train, among what is left, that each entity that is left has at least; 0: all are.
    """


GRAPHS = (Task("umls", 60, 256, True), Task("codex_s", 15, 512), Task("wn18rr", 12, 256, core=4))


@dataclass(frozen=True)
class Arm:
    """A name, the sampler in PyKEEN, its settings, and the loss."""

    name: str
    sampler: str = "negatives"
    settings: Mapping[str, Any] = field(default_factory=dict)
    loss: str | None = None
    clusters: bool = False
    run: bool = False


ARMS = (
    Arm("PyKEEN: basic", "basic"),
    Arm("PyKEEN: basic, filtered", "basic", {"filtered": True, "filterer": "python-set"}),
    Arm("uniform, exact"),
    Arm("uniform, known ones dropped", settings={"known_draws": "dropped"}),
    Arm("bernoulli, exact", settings={"sides": "bernoulli"}),
    Arm("bernoulli, known ones dropped", settings={"sides": "bernoulli", "known_draws": "dropped"}),
    Arm("typed, 0.5", settings={"law": "typed", "mix": 0.5}),
    Arm("typed, 1.0", settings={"law": "typed", "mix": 1.0}),
    Arm("LEMON, 0.2", settings={"law": "clusters", "mix": 0.2}, clusters=True),
    Arm(
        "LEMON, 0.2, known ones dropped",
        settings={"law": "clusters", "mix": 0.2, "known_draws": "dropped"},
        clusters=True,
    ),
    Arm("LEMON, 1.0", settings={"law": "clusters", "mix": 1.0}, clusters=True),
    Arm("LEMON with p_relevant", settings={"law": "run", "mix": 1.0}, run=True),
    Arm("self-adversarial, uniform", loss="nssa"),
    Arm("self-adversarial, known ones dropped", settings={"known_draws": "dropped"}, loss="nssa"),
)


@dataclass(frozen=True)
class Splits:
    """Triples by number, and PyKEEN's factories of them."""

    collection: neg.Collection
    numbering: Numbering
    triples: dict[str, Triples]

    def factory(self, name: str) -> Any:
        """A split for PyKEEN."""
        return self.numbering.factory(self.triples[name])


@cache
def splits_of(graph: str) -> Splits:
    """A graph, read once."""
    task = next(each for each in GRAPHS if each.name == graph)
    where = core_of(graph, task.core) if task.core else folder(graph)
    train = neg.Collection.load(where)
    numbering = Numbering.of(train)
    triples = {
        name: numbering.triples(neg.Collection.load(f"{where}@{name}"))
        for name in ("train", "valid", "test")
    }
    return Splits(train, numbering, triples)


def core_of(graph: str, least: int) -> Path:
    """A folder of the triples among entities that have `least` of them or more in train.

    Entities with fewer are left out, and so are those that have fewer then, until none has: the
    core of the graph. What it is does not depend on the triples of valid and test.
    """
    whole, made = folder(graph), CACHE / f"knowledge-graphs-{graph}-core-{least}"
    made.mkdir(parents=True, exist_ok=True)
    splits = {
        name: pl.read_csv(
            whole / f"{name}.tsv", separator="\t", quote_char=None, infer_schema=False
        )
        for name in ("train", "valid", "test")
    }
    inside, before = splits["train"], 0
    while before != len(inside):
        before = len(inside)
        counts = pl.concat([inside["head"], inside["tail"].alias("head")]).value_counts()
        kept = counts.filter(pl.col("count") >= least)["head"]
        inside = _among(inside, kept)
    for name, triples in splits.items():
        _among(triples, kept).write_csv(made / f"{name}.tsv", separator="\t", quote_style="never")
    names = (whole / "entities.jsonl").read_text("utf-8").splitlines()
    ids = {*kept}
    own_names = [line for line in names if json.loads(line)["_id"] in ids]
    (made / "entities.jsonl").write_text("\n".join(own_names) + "\n", "utf-8")
    (made / "relations.jsonl").write_bytes((whole / "relations.jsonl").read_bytes())
    return made


def _among(triples: pl.DataFrame, entities: pl.Series) -> pl.DataFrame:
    """The triples both of whose entities are among some."""
    return triples.filter(pl.all_horizontal(pl.col("head", "tail").is_in(entities.implode())))


@cache
def groups_of(graph: str) -> Places:
    """The cluster of each entity."""
    corpus = splits_of(graph).collection.corpus
    if "text" in corpus.columns:
        return clusters_of(open_encoder("static").encode(corpus["text"].to_list()).vectors)
    return corpus["type"].rank("dense").cast(int).to_numpy() - 1


@cache
def run_of(graph: str) -> neg.Run:
    """The run of the recipe lemon."""
    out = CACHE / f"knowledge-graphs-{graph}-lemon"
    return neg.mine(splits_of(graph).collection, out, recipe="lemon")


def settings_of(arm: Arm, task: Task) -> dict[str, Any]:
    """What the sampler is given."""
    made = {"num_negs_per_pos": NEGATIVES, **arm.settings}
    if arm.clusters:
        made["clusters"] = groups_of(task.name)
    if arm.run:
        made |= {"run": run_of(task.name), "factory": splits_of(task.name).factory("train")}
    return made


def trained(task: Task, arm: Arm, rate: float, seed: int, on: str) -> dict[str, float]:
    """The figures of one training, measured on a split."""
    from pykeen.pipeline import pipeline

    splits = splits_of(task.name)
    found = pipeline(
        training=splits.factory("train"),
        validation=splits.factory("valid"),
        testing=splits.factory(on),
        model="TransE",
        model_kwargs={"embedding_dim": 64},
        loss=arm.loss,
        loss_kwargs={"margin": 9.0, "adversarial_temperature": 1.0} if arm.loss else None,
        optimizer_kwargs={"lr": rate},
        negative_sampler=arm.sampler,
        negative_sampler_kwargs=settings_of(arm, task),
        training_kwargs={
            "num_epochs": task.epochs, "batch_size": task.batch, "use_tqdm": False,
        },
        evaluation_kwargs={"use_tqdm": False, "batch_size": 32},
        random_seed=seed,
        device="cpu",
    )  # fmt: skip
    return {
        "mrr": float(found.get_metric("both.realistic.inverse_harmonic_mean_rank")),
        "hits@10": float(found.get_metric("both.realistic.hits_at_10")),
        "seconds": float(found.train_seconds),
    }


def looked_at(task: Task, arm: Arm, seed: int) -> dict[str, float]:
    """The share of known, and of true triples among the negatives of a sampler."""
    from pykeen.sampling import negative_sampler_resolver

    splits = splits_of(task.name)
    torch.manual_seed(seed)
    triples = torch.from_numpy(splits.triples["train"])
    sampler = negative_sampler_resolver.make(
        arm.sampler,
        settings_of(arm, task),
        mapped_triples=triples,
        num_entities=len(splits.numbering.entities),
        num_relations=len(splits.numbering.relations),
    )
    some = triples[torch.randperm(len(triples))[:LOOKED_AT]]
    drawn, mask = sampler.sample(some)
    made = (drawn[mask] if mask is not None else drawn.reshape(-1, 3)).numpy()
    known = _keys(splits, splits.triples["train"])
    held = _keys(splits, np.concatenate([splits.triples["valid"], splits.triples["test"]]))
    keys = _keys(splits, made)
    return {
        "known": float(np.isin(keys, known).mean()),
        "true": float(np.isin(keys, np.setdiff1d(held, known)).mean()),
    }


def _keys(splits: Splits, triples: Triples) -> Places:
    entities, relations = len(splits.numbering.entities), len(splits.numbering.relations)
    made: Places = (triples[:, 0] * relations + triples[:, 1]) * entities + triples[:, 2]
    return made


class Kept:
    """What was measured before, by what it was measured of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.rows = {row["of"]: row["found"] for row in map(json.loads, lines)}

    def of(self, name: str, measure: Any) -> dict[str, float]:
        """What is kept, or what is measured now."""
        if name not in self.rows:
            self.rows[name] = measure()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"of": name, "found": self.rows[name]}) + "\n")
            print(name, self.rows[name], flush=True)
        found: dict[str, float] = self.rows[name]
        return found


def arms_of(task: Task) -> list[Arm]:
    """Those that can be carried out."""
    return [arm for arm in ARMS if task.estimated or not arm.run]


Found = dict[str, list[dict[str, float]]]
"""What each seed of each arm came to."""


def measured(task: Task, kept: Kept) -> tuple[Found, dict[str, float]]:
    """What each arm came to, and the rates that were chosen."""
    rates = {}
    for arm in arms_of(task):
        tuned = {
            rate: kept.of(
                f"{task.name}/{arm.name}/tuning/{rate}",
                lambda arm=arm, rate=rate: trained(task, arm, rate, TUNING, "valid"),
            )["mrr"]
            for rate in RATES
        }
        rates[arm.name] = max(tuned, key=lambda rate: tuned[rate])
    found: Found = {arm.name: [] for arm in arms_of(task)}
    for seed in range(SEEDS):  # seed by seed, so that seconds of one seed stand side by side
        for arm in arms_of(task):
            rate = rates[arm.name]
            name = f"{task.name}/{arm.name}/{rate}/{seed}"
            found[arm.name].append(
                kept.of(
                    name,
                    lambda arm=arm, rate=rate, seed=seed: trained(task, arm, rate, seed, "test"),
                )
                | kept.of(
                    f"{name}/looked at", lambda arm=arm, seed=seed: looked_at(task, arm, seed)
                )
            )
    return found, rates


RECIPES = {
    "LEMON with p_relevant": "lemon",
    "self-adversarial, known ones dropped": "self-adversarial",
}
"""The arms that draw as a recipe does; of `lemon` with another loss, and known ones drawn anew.
Beside them stands the first."""


def packaged(task: Task, found: Found) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figure of each recipe on a graph: what `negatives recipes show` tells."""
    for arm, recipe in RECIPES.items():
        if arm in found:
            yield (
                recipe,
                {
                    "stage": task.name,
                    "title": f"Links of {task.name}, in PyKEEN's own loop",
                    "metric": "MRR",
                    "model": "TransE",
                    "seeds": len(found[arm]),
                    "value": round(_mean(found[arm], "mrr"), 5),
                    "naive": round(_mean(found[ARMS[0].name], "mrr"), 5),
                    "beside": ARMS[0].name,
                    "seconds": round(_mean(found[arm], "seconds"), 1),
                },
            )


def size_of(task: Task) -> str:
    """How large the graph is, and what of it is taken."""
    splits = splits_of(task.name)
    among = (
        f" among the {len(splits.numbering.entities):,} entities that have {task.core} of them or "
        f"more (the {task.core}-core of the graph), {len(splits.triples['test']):,} to be tested by"
        if task.core
        else ""
    )
    return f"{len(splits.triples['train']):,} triples{among}, {task.epochs} epochs, {SEEDS} seeds."


def rows_of(found: Found, rates: Mapping[str, float]) -> Iterator[str]:
    """A row of the table for each arm."""
    basic = [each["seconds"] for each in found[ARMS[0].name]]
    for name, each in found.items():
        ratios = [one["seconds"] / own for one, own in zip(each, basic, strict=True)]
        mrr = [one["mrr"] for one in each]
        spread = statistics.stdev(mrr) if len(mrr) > 1 else 0.0
        yield (
            f"| {name} | {rates[name]:g} | {statistics.mean(mrr):.4f} ± {spread:.4f} "
            f"| {_mean(each, 'hits@10'):.4f} | {_mean(each, 'known'):.2%} "
            f"| {_mean(each, 'true'):.2%} | {statistics.median(ratios):.2f} |"
        )


def _mean(rows: list[dict[str, float]], name: str) -> float:
    return statistics.mean(row[name] for row in rows)


def main() -> None:
    """Train, measure, write the page."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", category=UserWarning)
    torch.set_num_threads(1)
    wanted = os.environ.get("NEGATIVES_BENCH_GRAPHS", "").split()
    kept, lines = Kept(KEPT), []
    figures: dict[str, list[dict[str, Any]]] = {}
    for task in GRAPHS:
        if wanted and task.name not in wanted:
            continue
        found, rates = measured(task, kept)
        for recipe, figure in packaged(task, found):
            figures.setdefault(recipe, []).append(figure)
        lines += [
            f"## {task.name}",
            "",
            size_of(task),
            "",
            "| negatives | rate | MRR | hits@10 | known | true | time |",
            "|---|---:|---|---:|---:|---:|---:|",
            *rows_of(found, rates),
            "",
        ]
    package("knowledge-graphs", figures)
    write_page("knowledge-graphs", "Negatives of knowledge graphs", __doc__, lines)

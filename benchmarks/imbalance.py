"""The rare class: what loss, weights and made items win over another threshold.

Three public sets, in which items of the rare class are left out by chance until they are 1, 5 or
20% of all: malignant among breast tumours (569 items of 30 numbers) and the digits 3 and 8 among
all ten (1,797 of 64), both from scikit-learn, and the tag interface::graphical among 10,000
packages of Debian (vectors of the static table). Stratified parts: 40% learn, 30% choose
thresholds, 30% test. One network (32 hidden units, 40 epochs of Adam, batches of 64) with one loss
or another; SMOTE adds to the part that learns only. The control that is usually forgotten is
another threshold alone: the plain network at the threshold of the best F1 on `valid`, instead of
0.5. Every arm is shown at such a threshold as well, and where at most 10% of the rare class may be
missed: by `valid` alone, and with 95% confidence, for which `valid` must hold 29 rare items. Means
over five seeds (other items, parts and weights). A random order has AUPRC equal to the prevalence.
Below, what tells items of no class: three digits of ten held back. And the judge of the recipe
`atss` as a cut for false negatives, with half of the positives hidden.

NEGATIVES_BENCH_SEEDS says how often (5), NEGATIVES_BENCH_TOY=1 takes few items. What is measured is
kept in .cache/benchmarks/imbalance, and not measured again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import torch

import negatives as neg
from benchmarks.data import CACHE, folder, load
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.arrays import Bools, Doubles
from negatives.errors import DataError
from negatives.learn.dice import Dice
from negatives.learn.rare.abet import AbeT
from negatives.learn.rare.examples import Examples, Parts, one_against_rest, split
from negatives.learn.rare.network import fit, outputs, scaled_by, small
from negatives.learn.rare.pruning import weighted_entropy
from negatives.learn.rare.smote import Smote
from negatives.learn.rare.virtual_outliers import VirtualOutliers
from negatives.measure.hidden import half
from negatives.measure.imbalance import separation
from negatives.measure.thresholds import choose_threshold, rates
from negatives.stats.auc import auc
from negatives.stats.shuffled import permutation
from negatives.store.atomic import write_json

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
TOY = bool(os.environ.get("NEGATIVES_BENCH_TOY"))
SHARES = (0.01, 0.05, 0.2)
PACKAGES = 1_000 if TOY else 10_000
WORK = CACHE / ("imbalance-toy" if TOY else "imbalance") / str(SEEDS)
MISSED, CONFIDENCE = 0.1, 0.95
EPOCHS = 2 if TOY else 40
HIDDEN = ("cranfield",) if TOY else ("cranfield", "cisi", "med")
Scores = tuple[Doubles, Doubles]
"""Logits of `valid` and of `test`."""


@cache
def items(name: str) -> Examples:
    """All items of a set."""
    from sklearn.datasets import load_breast_cancer, load_digits

    if name == "breast_cancer":
        vectors, target = load_breast_cancer(return_X_y=True)
        return Examples(vectors.astype(np.float32), target == 0)
    if name == "digits":
        vectors, target = load_digits(return_X_y=True)
        return Examples(vectors.astype(np.float32), np.isin(target, [3, 8]))
    data = neg.Collection.load(f"{folder('debtags_xmc')}@train")
    return one_against_rest(data, doc="250")


SETS = ("breast_cancer", "digits", "debtags")


def thinned(name: str, share: float, seed: int) -> Examples:
    """So many items of a set that a share is rare: as many of both as there can be."""
    whole = items(name)
    order = permutation(len(whole), seed, f"imbalance/{name}")
    rare, others = order[whole.labels[order]], order[~whole.labels[order]]
    if name == "debtags":
        others = others[: round(PACKAGES * (1 - share))]
    count = round(len(others) * share / (1 - share))
    if count > len(rare):
        count = len(rare)
        others = others[: round(count * (1 - share) / share)]
    return whole.at(np.sort(np.concatenate([rare[:count], others])))


def dice(over: str) -> Callable[..., Any]:
    """Our Dice at its default, a batch as one list."""
    loss = Dice(alpha=0.01, over=over, target="labels")  # type: ignore[arg-type]

    def of(logits: Any, wanted: Any) -> Any:
        row = logits.reshape(1, -1)
        return loss.of(row, torch.ones_like(row, dtype=torch.bool), wanted.reshape(1, -1)).mean()

    return of


def scores(arm: str, parts: Parts, seed: int) -> Scores:
    """Train an arm; what it says of the other parts."""
    if arm == "SMOTE":
        parts = Smote().balanced(parts, seed=seed)
    train = parts.train
    mean_, spread = scaled_by(train.vectors[: len(train) - train.made])
    rare = float(train.labels.mean())
    objective: Callable[..., Any] = {
        "class weights": lambda a, b: weighted_entropy(a, b, (1 - rare) / rare),
        "dice, by item": dice("document"),
        "dice, by batch": dice("list"),
    }.get(arm, weighted_entropy)
    network = small(train.vectors.shape[1], 1, width=32, seed=seed)
    labels = train.labels.astype(np.float32)
    fit(network, (train.vectors - mean_) / spread, labels, objective, epochs=EPOCHS, seed=seed)
    valid, test = (
        outputs(network, (part.vectors - mean_) / spread) for part in (parts.valid, parts.test)
    )
    return valid, test


ARMS = ("plain", "class weights", "SMOTE", "dice, by item", "dice, by batch")


def measured(parts: Parts, found: Scores) -> dict[str, float | None]:
    """All figures of one training."""
    valid, test = found
    y, truth = parts.valid.labels, parts.test.labels
    apart = separation(truth, test)
    assert apart is not None
    chosen = choose_threshold(y, valid, max_fnr=MISSED, confidence=None)
    alone = rates(truth, test, chosen.value)
    try:
        bound = choose_threshold(y, valid, max_fnr=MISSED, confidence=CONFIDENCE)
        sure: tuple[float | None, float | None] = rates(truth, test, bound.value)
    except DataError:
        sure = None, None
    half_way = rates(truth, test, 0.0)
    return {
        "auroc": apart.auroc, "auprc": apart.auprc, "prevalence": apart.prevalence,
        "f1": f1(truth, test >= 0), "fnr": half_way[0],
        "best f1": f1(truth, test >= best_threshold(y, valid)),
        "alone fnr": alone[0], "alone fpr": alone[1], "sure fnr": sure[0], "sure fpr": sure[1],
    }  # fmt: skip


def f1(truth: Bools, said: Bools) -> float:
    """2 TP / (2 TP + FP + FN); 0 where nothing is said."""
    return float(2 * (truth & said).sum() / max(truth.sum() + said.sum(), 1))


def best_threshold(truth: Bools, logits: Doubles) -> float:
    """The score of `valid` at which F1 is the highest there."""
    order = np.argsort(-logits, kind="stable")
    right = truth[order].cumsum()
    value = 2 * right / (np.arange(1, len(order) + 1) + truth.sum())
    return float(logits[order[int(value.argmax())]])


def cells(name: str, share: float) -> dict[str, list[dict[str, float | None]]]:
    """Figures of every arm, seed by seed."""
    found: dict[str, list[dict[str, float | None]]] = {arm: [] for arm in ARMS}
    for seed in range(SEEDS):
        parts = split(thinned(name, share, seed), seed=seed, valid=0.3, test=0.3)
        for arm in ARMS:
            found[arm].append(measured(parts, scores(arm, parts, seed)))
    return found


def table(
    name: str, share: float, found: dict[str, list[dict[str, float | None]]]
) -> Iterator[str]:
    """One set at one prevalence."""
    whole = thinned(name, share, 0)
    valid = split(whole, valid=0.3, test=0.3).valid
    yield f"### {name}, {share:.0%}"
    yield ""
    yield (
        f"{len(whole):,} items, {whole.counts[True]:,} of them rare; "
        f"{valid.counts[True]:,} of these in `valid`."
    )
    yield ""
    yield (
        "| arm | AUROC | AUPRC | above plain | F1 at 0.5 | missed at 0.5 | F1 at the best of valid "
        "| at most 10% missed on valid: missed | kept | others taken in "
        "| with 95% confidence: kept | others taken in |"
    )
    yield f"|---|{'---|' * 11}"
    for arm, rows in found.items():
        plain = found["plain"]
        above = sum(
            float(own["auprc"] or 0) > float(base["auprc"] or 0)
            for own, base in zip(rows, plain, strict=True)
        )
        sure = [row for row in rows if row["sure fnr"] is not None]
        values = [
            *(f"{average(rows, key):.3f}" for key in ("auroc", "auprc")),
            "" if arm == "plain" else f"{above} of {len(rows)}",
            *(f"{average(rows, key):.3f}" for key in ("f1", "fnr", "best f1", "alone fnr")),
            kept(rows, "alone fnr"),
            f"{average(rows, 'alone fpr'):.3f}",
            kept(sure, "sure fnr") if sure else "too few",
            f"{average(sure, 'sure fpr'):.3f}" if sure else "-",
        ]
        yield f"| {arm} | {' | '.join(values)} |"
    yield ""


def average(rows: list[dict[str, float | None]], key: str) -> float:
    """The mean of a figure over the seeds."""
    return mean(float(row[key] or 0) for row in rows)


def kept(rows: list[dict[str, float | None]], key: str) -> str:
    """In how many seeds no more than may be was missed on `test`."""
    return f"{sum(float(row[key] or 0) <= MISSED for row in rows)} of {len(rows)}"


def summary(
    every: dict[tuple[str, float], dict[str, list[dict[str, float | None]]]],
) -> Iterator[str]:
    """All cells in a few lines."""
    yield "## What wins"
    yield ""
    yield (
        "| arm | AUPRC, mean of all cells | cells above plain | F1 at 0.5 "
        "| F1 at the best of valid | others taken in, at most 10% missed on valid "
        "| missed on test |"
    )
    yield f"|---|{'---|' * 6}"
    for arm in ARMS:
        of = [found[arm] for found in every.values()]
        plain = [average(found["plain"], "auprc") for found in every.values()]
        above = sum(average(rows, "auprc") > base for rows, base in zip(of, plain, strict=True))
        figures = [
            mean(average(rows, key) for rows in of)
            for key in ("auprc", "f1", "best f1", "alone fpr", "alone fnr")
        ]
        cells_ = "" if arm == "plain" else f"{above} of {len(of)}"
        yield (
            f"| {arm} | {figures[0]:.3f} | {cells_} | "
            f"{' | '.join(f'{each:.3f}' for each in figures[1:])} |"
        )
    rows = [row for found in every.values() for of in found.values() for row in of]
    sure = [row for row in rows if row["sure fnr"] is not None]
    yield ""
    yield (
        f"At most {MISSED:.0%} missed: a threshold by `valid` alone kept that on test in "
        f"{kept(rows, 'alone fnr')} trainings, one with {CONFIDENCE:.0%} confidence in "
        f"{kept(sure, 'sure fnr')}; for the other {len(rows) - len(sure)} there were too few. (A "
        "share of a few test items is itself by chance above a tenth now and then.)"
    )
    yield ""


def outside(seed: int) -> dict[str, float]:
    """AUROC of items of seven digits against those of the other three, by several scores."""
    from sklearn.datasets import load_digits

    vectors, digit = load_digits(return_X_y=True)
    held = np.isin(digit, np.random.default_rng(seed).permutation(10)[:3])
    parts = split(Examples(vectors[~held].astype(np.float32), digit[~held]), seed=seed)
    tested, others = parts.test.vectors, vectors[held].astype(np.float32)
    abet = AbeT(epochs=EPOCHS).fit(parts, seed=seed)
    found = {
        "AbeT": auc(abet.score(tested), abet.score(others)),
        "AbeT with its temperature before it": auc(abet.energy(tested), abet.energy(others)),
        "its largest cosine": auc(*(abet.said(each)[:, :-1].max(1) for each in (tested, others))),
    }
    for name, weight in (("a head's energy", 0.0), ("a head's energy, virtual outliers", 0.1)):
        head = VirtualOutliers(weight=weight).fit(parts, epochs=EPOCHS, seed=seed)
        found[name] = auc(-head.energy(tested), -head.energy(others))
    return found


def outside_lines(every: list[dict[str, float]]) -> Iterator[str]:
    """The table of what is of no class."""
    yield "## Of no class"
    yield ""
    yield (
        "Items of seven digits (`test`) against all of the three that were held back; AUROC, mean "
        "of the seeds, smallest and largest."
    )
    yield ""
    yield "| score | AUROC | from | to |"
    yield "|---|---|---|---|"
    for name in every[0]:
        values = [each[name] for each in every]
        yield f"| {name} | {mean(values):.3f} | {min(values):.3f} | {max(values):.3f} |"
    yield ""


def cut_off(name: str) -> dict[str, float]:
    """The judge of `atss`, half of the positives hidden: what it rejects, and what stays."""
    found: list[dict[str, float]] = []
    for seed in range(SEEDS):
        visible, hidden = half(load(name), seed)
        with TemporaryDirectory() as scratch:
            judged = neg.mine(visible, f"{scratch}/judged", recipe="atss")
            plain = neg.mine(visible, f"{scratch}/plain", recipe="atss", judges=[])
            rows = pl.read_parquet(judged.parts).filter(
                pl.col("relevance").is_null(), pl.col("verdict").is_in(["eligible", "rejected"])
            )
            chosen = [run.negatives for run in (judged, plain)]
        false = rows.join(hidden.with_columns(false=True), on=["query_id", "doc_id"], how="left")
        false = false.with_columns(pl.col("false").fill_null(False))
        rejected = false.filter(pl.col("rule") == "mean-plus-deviation")
        fixed = false.sort("dense_score", descending=True, nulls_last=True).head(len(rejected))
        shares = [
            len(each.join(hidden, on=["query_id", "doc_id"], how="semi")) / len(each)
            for each in chosen
        ]
        every = len(false.filter("false"))
        found.append({
            "rejected": len(rejected), "false": shares[0], "naive": shares[1],
            "precision": float(rejected["false"].mean() or 0),  # type: ignore[arg-type]
            "recall": len(rejected.filter("false")) / every,
            "fixed precision": float(fixed["false"].mean() or 0),  # type: ignore[arg-type]
            "fixed recall": len(fixed.filter("false")) / every,
        })  # fmt: skip
    return {key: mean(each[key] for each in found) for key in found[0]}


def cut_lines(found: dict[str, dict[str, float]]) -> Iterator[str]:
    """The table of the judge."""
    yield "## atss"
    yield ""
    yield (
        "Mean plus deviation of each query's nine first candidates of BM25 and of the static "
        "encoder, against one score for all queries that rejects as many pairs. Hidden positives "
        "are false negatives; four negatives a query."
    )
    yield ""
    yield (
        "| data | rejected | of them hidden | of the hidden, rejected | one score: of them hidden "
        "| of the hidden, rejected | false share: atss | naive top |"
    )
    yield f"|---|{'---|' * 7}"
    for name, each in found.items():
        shares = ("precision", "recall", "fixed precision", "fixed recall", "false", "naive")
        yield (
            f"| {name} | {each['rejected']:,.0f} | "
            f"{' | '.join(f'{each[key]:.3f}' for key in shares)} |"
        )
    yield ""


def packaged(cuts: dict[str, dict[str, float]]) -> dict[str, list[dict[str, Any]]]:
    """The figures of the recipe that is measured here; of dice it is the loss alone."""
    of_atss = [
        {
            "stage": "atss", "title": f"{name}, half of the positives hidden",
            "metric": "false share", "model": "static", "seeds": SEEDS,
            "value": round(each["false"], 4), "naive": round(each["naive"], 4),
        }
        for name, each in cuts.items()
    ]  # fmt: skip
    return {"atss": of_atss}


def once(name: str, compute: Callable[[], Any]) -> Any:
    """What was found before, or what is found now, with the seconds of a core that it takes."""
    path = WORK / f"{name}.json"
    if not path.is_file():
        began = time.process_time()
        found = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"seconds": time.process_time() - began, "found": found})
    return json.loads(path.read_text())["found"]


def main() -> None:
    """Measure, and write the page."""
    torch.set_num_threads(1)
    every = {
        (name, share): once(f"{name}-{share:g}", partial(cells, name, share))
        for name in SETS
        for share in SHARES
    }
    cuts = {name: once(f"atss-{name}", partial(cut_off, name)) for name in HIDDEN}
    beyond = [once(f"outside-{seed}", partial(outside, seed)) for seed in range(SEEDS)]
    lines = [*summary(every), *outside_lines(beyond), *cut_lines(cuts)]
    for name in SETS:
        lines += [f"## {name}", ""]
        for share in SHARES:
            lines += table(name, share, every[name, share])
    spent = sum(json.loads(path.read_text())["seconds"] for path in WORK.glob("*.json"))
    lines.append(f"{spent:,.0f} seconds of one core in all.")
    if TOY:
        print("\n".join(lines))
        return
    write_page("imbalance", "The rare class", __doc__, lines)
    package("imbalance", packaged(cuts))


if __name__ == "__main__":
    main()

"""What a reranker of our own making adds to p_relevant, on collections it was not trained on.

MiniLM gets a scoring head and is trained by `negatives train --kind reranker` on questions of
medquad's training split, 3 negatives each (of BM25, of the built-in encoder, and a random one),
96 pieces of a pair, 240 steps of 6 questions, the last step kept. Then half of each query's
positives of four collections are hidden, as in `truth`, and p_relevant is estimated without it,
with its scores of the 20 likeliest candidates of a query, and with a fifth of those calls
(`negatives judge --budget`). The truth is what was hidden.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import negatives as neg
from benchmarks.coverage import Case, hide
from benchmarks.data import CACHE, load, minilm_vectors
from benchmarks.learning import minilm, sampled
from benchmarks.page import write_page
from benchmarks.processes import ask, told
from negatives.learn.request import completed
from negatives.learn.reranker import RerankerTraining
from negatives.learn.train import train
from negatives.recipe import Recipe

COLLECTIONS = ("cranfield", "cisi", "med", "synergy9")
HIDINGS = 2
ASKED, SHARE = 5, 0.02
QUESTIONS, STEPS = 3_000, 240
FOLDER = CACHE / "reranker"
TOP = 20
FIFTH = 0.2

Values = NDArray[np.float64]


def reranker() -> str:
    """The folder of the trained cross-encoder, made where it is not there."""
    train_split, _ = sampled(load("medquad@train"), load("medquad@dev"), QUESTIONS)
    recipe = Recipe(
        name="bm25, dense and random",
        find=(neg.BM25(top=30), neg.Dense(top=30), neg.Random(top=2)),
        judge=(neg.NearDuplicate(),),
        pick=neg.Quotas(per_query=3, quotas={"bm25": 1, "dense": 1, "random": 1}),
    )
    loss = "learn.kind=pointwise", "learn.positive_weight=3.0"
    made = completed(recipe, minilm(), "reranker", loss)
    settings = RerankerTraining(
        steps=STEPS, batch_size=6, negatives=3, max_length=96, learning_rate=1e-4, checkpoint=60
    )
    train(
        train_split,
        FOLDER,
        model=minilm(),
        recipe=made,
        settings=settings,
        kind="reranker",
        encoder="static",
        look=False,
    )
    return str(FOLDER)


def one(name: str, seed: str) -> None:
    """Everything about one hiding of one collection."""
    data = load(name)
    case = hide(data, minilm_vectors(name, data), int(seed))
    with tempfile.TemporaryDirectory() as folder:
        told(_measured(case, int(seed), Path(folder)))


def _mined(case: Case, seed: int, folder: Path, judges: list[Any]) -> neg.Run:
    return neg.mine(
        case.data,
        folder,
        sources=[neg.BM25(), case.dense],
        judges=[neg.NearDuplicate(), neg.SelfAware(), neg.ScoreAgreement(), *judges],
        estimate=neg.Evidence(),
        pick=neg.RiskLimited(per_query=ASKED, max_false=SHARE),
        seed=seed,
    )


def _measured(case: Case, seed: int, folder: Path) -> dict[str, Any]:
    judge = neg.Rerank(model=str(FOLDER), top=TOP)
    plain = _mined(case, seed, folder / "plain", [])
    whole = _mined(case, seed, folder / "whole", [judge])
    calls = int(whole.candidates().select(pl.col("reranker_score").count()).collect().item())
    part = _mined(case, seed, folder / "part", [])
    part = part.judge(judge, int(FIFTH * calls))
    runs = {"without": plain, "with": whole, "a fifth": part}
    return {"calls": calls} | {name: _quality(run, case) for name, run in runs.items()}


def _quality(run: neg.Run, case: Case) -> dict[str, float | None]:
    """Of the pool's p_relevant: AUC, Brier; of what was picked: false share and hardness."""
    from sklearn.metrics import roc_auc_score

    hidden = case.hidden.with_columns(hidden=pl.lit(True))
    pool = (
        run.candidates()
        .filter(pl.col("verdict") == "eligible")
        .collect()
        .join(hidden, on=["query_id", "doc_id"], how="left")
    )
    false = pool["hidden"].fill_null(False).to_numpy()
    p = pool["p_relevant"].cast(pl.Float64).fill_null(0.0).to_numpy()
    near = pool["dense_rank"].fill_null(10_000).to_numpy() <= TOP
    made = run.negatives
    wrong = len(made.join(case.hidden, on=["query_id", "doc_id"], how="semi"))
    scores = pool["reranker_score"] if "reranker_score" in pool.columns else None
    alone = None
    if scores is not None and scores.null_count() < len(scores):
        scored = scores.is_not_null().to_numpy()
        alone = float(roc_auc_score(false[scored], scores.drop_nulls().to_numpy()))
    dense = float(roc_auc_score(false[near], pool["dense_score"].to_numpy()[near]))
    return {
        "auc": float(roc_auc_score(false, p)),
        "auc near": float(roc_auc_score(false[near], p[near])),
        "brier": float(((p - false) ** 2).mean()),
        "false": wrong / max(1, len(made)),
        "hardness": made.select(pl.col("hardness").mean()).item(),
        "alone": alone,
        "dense": dense,
    }


def main() -> None:
    """Train it if need be, measure every hiding, and write the page."""
    if sys.argv[1:2] == ["one"]:
        one(*sys.argv[2:4])
        return
    reranker()
    found = {
        name: [ask("benchmarks.reranker", name, seed) for seed in range(HIDINGS)]
        for name in COLLECTIONS
    }
    write_page("reranker", "A reranker as a judge", __doc__, _page(found))


def _page(found: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        f"{HIDINGS} hidings, means; {ASKED} negatives a query, at most {SHARE:.0%} of them false "
        "asked for. `alone`: AUC of the reranker's own score on what it scored, next to the "
        "dense score's on the same ranks.",
        "",
        "| collection | p_relevant | AUC | AUC, ranks to 20 | Brier | false | hardness | calls "
        "| reranker alone | dense alone |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, results in found.items():
        for way in ("without", "with", "a fifth"):
            mean = {key: _mean([result[way][key] for result in results]) for key in results[0][way]}
            share = {"without": 0.0, "with": 1.0, "a fifth": FIFTH}[way]
            calls = share * float(np.mean([result["calls"] for result in results]))
            cells = [
                *(f"{mean[key]:.3f}" for key in ("auc", "auc near")),
                f"{mean['brier']:.4f}",
                *(f"{mean[key]:.3f}" for key in ("false", "hardness")),
                f"{calls:,.0f}",
                *("" if mean[key] is None else f"{mean[key]:.3f}" for key in ("alone", "dense")),
            ]
            lines.append(f"| {name} | {way} | {' | '.join(cells)} |")
    return lines


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


if __name__ == "__main__":
    main()

"""What a small language model on a CPU says of relevance: SmolLM2-135M-Instruct (4 bits, made full
numbers again) as the judges icr and perplexity.

Half of each query's positives are hidden, as in `truth`, and the default recipe mines. Of queries
drawn by hash, among those with a hidden positive and another document in their first ten unlabelled
candidates by the dense score, those ten are judged, by their first 300 characters. AUC: how often a
hidden positive is put above another candidate of the same query, a mean over queries with its
standard error, so that a difference of less than two of those is none; then over all pairs at once.
p_relevant, which is estimated without any language model, and the dense score are measured on the
same pairs. Few queries, since the model reads some hundred tokens a second: it is a first look.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.hiding import PAIR, half
from benchmarks.page import write_page
from benchmarks.smollm2 import smollm2
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.machine import Machine
from negatives.opening import JudgeContext
from negatives.stats.auc import auc

COLLECTIONS: Final = ("cranfield", "med")
QUERIES: Final = 8
TOP: Final = 10
CHARACTERS: Final = 300
COLUMNS: Final = {
    "icr": "icr, one order",
    "perplexity": "perplexity",
    "p_relevant": "p_relevant of the default recipe",
    "dense_score": "dense score",
}


def main() -> None:
    """Judge the sample of each collection, and write the page."""
    lines = [
        f"{QUERIES} queries of each collection, {TOP} candidates each; one thread.",
        "",
        "| collection | evidence | AUC within queries | AUC of all pairs | seconds |",
        "|---|---|---:|---:|---:|",
    ]
    for name in COLLECTIONS:
        lines += _measured(name)
    write_page("local-models", "Small local models as judges", __doc__, lines)


def _measured(name: str) -> list[str]:
    data, hidden = half(load(name), 0)
    with tempfile.TemporaryDirectory() as scratch:
        run = neg.mine(data, Path(scratch) / "run", recipe="default")
        pairs = _sample(run.candidates(), hidden)
        took: dict[str, float] = {}
        for kind, stage in (
            ("icr", neg.ICR(model=str(smollm2()), characters=CHARACTERS)),
            ("perplexity", neg.Perplexity(model=str(smollm2()), characters=CHARACTERS)),
        ):
            context = JudgeContext(data, Path(scratch), machine=Machine(1), reference="dense")
            ruling = stage.open(context)
            rows = data.rows_of(pairs.select(PAIR))
            began = time.perf_counter()
            scores = ruling.score(rows["query"].to_numpy(), rows["doc"].to_numpy())
            took[kind] = time.perf_counter() - began
            found = data.ids_of(rows.with_columns(pl.Series(kind, scores)))
            pairs = pairs.join(found.select(*PAIR, kind), on=PAIR)
    told = []
    for column, words in COLUMNS.items():
        within = np.array([_auc(each, column) for _, each in pairs.group_by("query_id")])
        error = within.std(ddof=1) / len(within) ** 0.5
        seconds = f"{took[column]:.0f}" if column in took else ""
        told.append(
            f"| {name} | {words} | {within.mean():.3f} ± {error:.3f} | {_auc(pairs, column):.3f} | "
            f"{seconds} |"
        )
    return told


def _sample(ledger: pl.LazyFrame, hidden: pl.DataFrame) -> pl.DataFrame:
    """The first candidates of the drawn queries, and which of them are hidden positives."""
    first = (
        ledger.filter(verdict="eligible")
        .select(*PAIR, "dense_score", "p_relevant")
        .sort("query_id", "dense_score", "doc_id", descending=[False, True, False])
        .filter(pl.int_range(pl.len()).over("query_id") < TOP)
        .collect()
        .join(hidden.with_columns(relevant=pl.lit(True)), on=PAIR, how="left")
        .with_columns(pl.col("relevant").fill_null(False))
        .filter(
            pl.col("relevant").any().over("query_id") & ~pl.col("relevant").all().over("query_id")
        )
    )
    ids = first["query_id"].unique().sort()
    drawn = uniforms(id_hashes(ids), stream_key(0, "benchmark/local-models"))
    chosen = ids.gather(np.argsort(drawn)[:QUERIES])
    return first.filter(pl.col("query_id").is_in(chosen.implode()))


def _auc(pairs: pl.DataFrame, column: str) -> float:
    values, relevant = pairs[column].to_numpy(), pairs["relevant"].to_numpy()
    return float(auc(values[relevant], values[~relevant]))


if __name__ == "__main__":
    os.environ.setdefault("NEGATIVES_CACHE", str(CACHE / "local-models"))
    main()

"""Mining from vectors at sizes near what one small machine can do, in 512 MB.

Documents and queries grow by themselves and together, up to three millions and ten thousand. Each
mining is a process of its own, from vectors in files and texts in memory to a finished run with
ledger, reasons and report, 100 candidates a query; memory is its peak beyond what it held with the
collection. Recall is that of the ledger against numpy's float32 products of queries drawn evenly.
NEGATIVES_BENCH_LARGE scales the numbers of documents: 0.01 is a rehearsal.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.page import write_page
from benchmarks.processes import ask, told
from benchmarks.speed import BLOCK, ours, vectors

SCALE = float(os.environ.get("NEGATIVES_BENCH_LARGE", "1"))
SIZES = ((1_000_000, 3_000), (3_000_000, 3_000), (1_000_000, 10_000), (3_000_000, 10_000))
TOP, CHECKED = 100, 50


def one(folder: str, docs: int, queries: int) -> None:
    """One mining, measured."""
    told(ours(Path(folder), docs, queries, 0, TOP))


def recall(folder: Path, queries: int) -> float:
    """The share of the nearest documents of some queries that are in the ledger."""
    asked = np.load(folder / "queries.npy")[:: max(1, queries // CHECKED)]
    corpus = np.load(folder / "docs.npy", mmap_mode="r")
    best = np.full((len(asked), TOP), -np.inf, np.float32)
    rows = np.zeros((len(asked), TOP), np.int64)
    for start in range(0, len(corpus), BLOCK):
        scores = asked @ corpus[start : start + BLOCK].T
        both = np.concatenate([best, scores], axis=1)
        numbers = np.concatenate(
            [rows, np.broadcast_to(np.arange(start, start + scores.shape[1]), scores.shape)], axis=1
        )
        first = np.argpartition(-both, TOP, axis=1)[:, :TOP]
        best, rows = (np.take_along_axis(table, first, axis=1) for table in (both, numbers))
    names = [f"q{n:0{len(str(len(corpus)))}d}" for n in range(queries)][
        :: max(1, queries // CHECKED)
    ]
    ledger = pl.scan_parquet(folder / "run" / "candidates" / "*.parquet")
    found = (
        ledger.filter(pl.col("query_id").is_in(names), pl.col("dense_rank").is_not_null())
        .select("query_id", pl.col("doc_id").str.slice(1).cast(pl.Int64))
        .collect()
    )
    there = {key[0]: set(part["doc_id"]) for key, part in found.group_by("query_id")}
    hits = sum(len(there[name] & set(row.tolist())) for name, row in zip(names, rows, strict=True))
    return hits / (TOP * len(names))


def main() -> None:
    """Every size, and the page."""
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], *map(int, sys.argv[3:]))
        return
    lines = [
        "| documents | queries | seconds | CPU seconds | CPU nanoseconds a product | extra MB | "
        "recall of the nearest 100 |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for most, queries in SIZES:
        docs = int(most * SCALE)
        with tempfile.TemporaryDirectory(dir=".cache") as name:
            folder = Path(name)
            vectors(folder, docs, queries)
            found: dict[str, Any] = ask("benchmarks.large", name, docs, queries)
            each = found["cpu"] / (docs * queries) * 1e9
            lines.append(
                f"| {docs:,} | {queries:,} | {found['seconds']:.0f} | {found['cpu']:.0f} | "
                f"{each:.1f} | {found['extra_mb']:.0f} | {recall(folder, queries):.3f} |"
            )
            print(lines[-1], flush=True)
    write_page("large", "Mining three million documents", __doc__, lines)


if __name__ == "__main__":
    main()

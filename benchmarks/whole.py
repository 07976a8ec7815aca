"""How time and memory of mining by the default recipe grow: queries, documents, candidates a query.

Parts of one collection (scale_debian: package descriptions, each package's name and tags a query),
drawn evenly, each mined by a process of its own with `--memory 512MB`. Memory is the peak of the
process less what it held before, the collection included. Each query keeps its own positive.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.data import load
from benchmarks.growth import exponent
from benchmarks.page import write_page
from benchmarks.processes import ask, measure, median, told

NAME = "scale_debian"
REPEATS = int(os.environ.get("NEGATIVES_BENCH_REPEATS", "1"))
SIZES = {
    "queries": ((2_000, 40_000, 100), (7_000, 40_000, 100), (24_000, 40_000, 100)),
    "documents": ((4_000, 4_000, 100), (4_000, 15_000, 100), (4_000, 55_000, 100)),
    "candidates a query": ((2_000, 40_000, 20), (2_000, 40_000, 100), (2_000, 40_000, 400)),
}
"""Queries, documents and `top` of each source; one of them grows."""


def one(queries: int, documents: int, top: int) -> None:
    """One mining, measured."""
    import negatives as neg

    data = load(NAME)
    asked = data.queries.gather_every(max(1, len(data.queries) // queries)).head(queries)
    qrels = data.qrels.filter(
        pl.col("relevance") > 0, pl.col("query_id").is_in(asked["query_id"].implode())
    ).unique("query_id", keep="first", maintain_order=True)
    own = data.corpus["doc_id"].is_in(qrels["doc_id"].unique().implode())
    others = data.corpus.filter(~own)
    left = max(documents - int(own.sum()), 0)
    more = others.gather_every(max(1, len(others) // max(left, 1))).head(left)
    corpus = pl.concat([data.corpus.filter(own), more]).sort("doc_id")
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    part = replace(
        data,
        corpus=corpus.with_columns(row=row),
        queries=asked.sort("query_id").with_columns(row=row),
        qrels=qrels.sort("query_id", "doc_id"),
        origin="",
    )

    def job() -> dict[str, Any]:
        recipe = neg.load_recipe("default")
        find = [neg.BM25(top=top), neg.Dense(top=top)]
        with tempfile.TemporaryDirectory() as folder:
            run = neg.mine(part, Path(folder) / "run", recipe=recipe, sources=find)
            counts = run.report().manifest.counts
            return {"candidates": counts.candidates, "documents": len(corpus)}

    told(measure(job))


def main() -> None:
    """Mine at every size, and write the page."""
    if sys.argv[1:2] == ["one"]:
        one(*map(int, sys.argv[2:]))
        return
    lines = []
    for what, sizes in SIZES.items():
        found = [[ask("benchmarks.whole", *size) for _ in range(REPEATS)] for size in sizes]
        grown = [size[list(SIZES).index(what)] for size in sizes]
        pairs = [int(median(results, "candidates")) for results in found]
        lines += [
            f"## {what.capitalize()}",
            "",
            "| queries | documents | top of each source | candidates | seconds | CPU seconds | "
            "extra MB |",
            "|---:|---:|---:|---:|---:|---:|---:|",
            *(
                f"| {size[0]:,} | {results[0]['documents']:,} | {size[2]} | {count:,} | "
                f"{median(results, 'seconds'):.1f} | {median(results, 'cpu'):.1f} | "
                f"{median(results, 'extra_mb'):.0f} |"
                for size, results, count in zip(sizes, found, pairs, strict=True)
            ),
            "",
            f"Seconds grow as the {exponent(grown, found):.2f}th power of the {what}.",
            "",
        ]
    write_page("whole", "Growth of a whole mining", __doc__, lines)


if __name__ == "__main__":
    main()

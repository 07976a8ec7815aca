"""Lexical search side by side with bm25s, on the same made texts, each in processes of its own.

Texts have 30 to 60 words of a Zipfian vocabulary, queries the words of some text, some left out.
Index seconds are from texts in hand to an index on disk, search seconds from query texts to the
best documents; compilers are warmed up before. Peak MB is of the process, its texts and mapped
files included; CPU seconds include other processes it started. Both know no stop words or stems.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.page import write_page

DOCS = int(os.environ.get("LEXICAL_DOCS", "1_000_000"))
QUERIES = int(os.environ.get("LEXICAL_QUERIES", "10_000"))
TOP = 100
VOCABULARY = 300_000
EXPONENT = 1.0  # of Zipf's law
OFTEN = 7  # the commonest words, left out: as many postings a query as Debian packages have
THREADS = os.cpu_count() or 1
CHECKED = 200  # queries whose documents are compared
TOOLS = (
    "ours",
    "ours without numba",
    "bm25s numba",
    "bm25s numba, mapped",
    "bm25s numba, 1 thread",
)


def make(folder: Path) -> None:
    """Write the texts of documents and queries, the same every time."""
    draw = np.random.default_rng(DOCS)
    odds = 1 / np.arange(1 + OFTEN, 1 + OFTEN + VOCABULARY) ** EXPONENT
    steps = np.cumsum(odds / odds.sum())
    names = np.array([_name(n) for n in range(VOCABULARY)], dtype=object)

    def words(count: int) -> NDArray[np.int64]:
        return np.minimum(np.searchsorted(steps, draw.random(count)), VOCABULARY - 1)

    def texts(sizes: NDArray[np.int64], drawn: NDArray[np.int64]) -> pl.Series:
        ends = np.cumsum(sizes)
        return pl.Series(
            [
                " ".join(names[drawn[end - size : end]])
                for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
            ]
        )

    sizes = draw.integers(30, 61, DOCS)
    drawn = words(int(sizes.sum()))
    pl.DataFrame({"text": texts(sizes, drawn)}).write_parquet(folder / "docs.parquet")
    # A query: eight words of a document, in its order.
    starts = (np.cumsum(sizes) - sizes)[draw.integers(0, DOCS, QUERIES)]
    picked = np.sort(draw.random((QUERIES, 30)).argsort(axis=1)[:, :8], axis=1)
    chosen = drawn[(starts[:, None] + picked).ravel()]
    asked = texts(np.full(QUERIES, 8), chosen)
    pl.DataFrame({"text": asked}).write_parquet(folder / "queries.parquet")


def _name(number: int) -> str:
    """A word of letters for a number."""
    letters = ""
    number += 26**2
    while number:
        number, letter = divmod(number, 26)
        letters += chr(97 + letter)
    return letters


def ours(folder: Path, index: str) -> dict[str, Any]:
    """This library's stage, from a collection to candidates."""
    import negatives as neg
    from negatives.arrays import Ragged
    from negatives.compiling import Paid
    from negatives.find.bm25 import BM25
    from negatives.machine import Machine
    from negatives.opening import Context
    from negatives.schema import QRELS
    from negatives.search import lexical

    if "without" in index:
        lexical._SEARCHED = Paid(sys.maxsize)
    else:
        from negatives.search.lexical_loop import compiled_search

    def table(side: str, key: str) -> pl.DataFrame:
        return pl.read_parquet(folder / f"{side}.parquet").select(
            pl.format(f"{key[0]}{{}}", pl.int_range(pl.len()).cast(pl.String).str.zfill(8)).alias(
                key
            ),
            "text",
            row=pl.int_range(pl.len(), dtype=pl.UInt32),
        )

    data = neg.Collection(
        name="made", split="train", corpus=table("docs", "doc_id"),
        queries=table("queries", "query_id"), qrels=pl.DataFrame(schema=dict(QRELS)),
    )  # fmt: skip
    scratch = folder / index.replace(" ", "-")
    scratch.mkdir(exist_ok=True)
    stage = BM25(top=TOP, language="")
    context = Context(collection=data, scratch=scratch, machine=Machine(THREADS))
    built = _timed(lambda: stage.open(context))
    proposer = stage.open(context)
    if "without" not in index:
        one = proposer._asked(np.arange(1, dtype=np.uint32))
        empty = Ragged(np.zeros(2, np.int64), np.empty(0, np.uint32))
        compiled_search()(proposer.index, TOP, (one, empty))
    queries = np.arange(QUERIES, dtype=np.uint32)
    searched = _timed(lambda: proposer.propose(queries, {}))
    found = searched.pop("result").filter(pl.col("query") < CHECKED)
    found.write_parquet(folder / f"{index}.parquet")
    built.pop("result")
    return {"index": built, "search": searched}


def theirs(folder: Path, how: str) -> dict[str, Any]:
    """bm25s with its numba backend, the index in memory or mapped."""
    import bm25s

    texts = pl.read_parquet(folder / "docs.parquet")["text"].to_list()
    asked = pl.read_parquet(folder / "queries.parquet")["text"].to_list()
    kept = folder / "bm25s"
    settings = {"k1": 1.2, "b": 0.75, "method": "lucene", "backend": "numba"}

    def build() -> Any:
        made = bm25s.BM25(**settings)
        tokens = bm25s.tokenize(texts, stopwords=[], show_progress=False)
        made.index(tokens, show_progress=False)
        made.save(str(kept), show_progress=False)
        return made

    built: dict[str, Any] = {}
    if "mapped" in how:
        retriever = bm25s.BM25.load(str(kept), mmap=True)
    elif "1 thread" in how:
        retriever = bm25s.BM25.load(str(kept))
    else:
        built = _timed(build)
        retriever = built.pop("result")

    def search(texts: list[str]) -> Any:
        tokens = bm25s.tokenize(texts, stopwords=[], return_ids=False, show_progress=False)
        threads = 1 if "1 thread" in how else THREADS
        return retriever.retrieve(tokens, k=TOP, n_threads=threads, show_progress=False)

    search(asked[:4])
    searched = _timed(lambda: search(asked))
    docs, scores = searched.pop("result")
    pl.DataFrame(
        {
            "query": np.repeat(np.arange(CHECKED, dtype=np.uint32), TOP)[: docs.size],
            "doc": docs[:CHECKED].ravel().astype(np.uint32),
            "score": scores[:CHECKED].ravel(),
        }
    ).write_parquet(folder / f"{how}.parquet")
    return {"index": built, "search": searched}


def _timed(job: Callable[[], Any]) -> dict[str, Any]:
    began, used = time.perf_counter(), _cpu()
    result = job()
    return {
        "result": result,
        "seconds": time.perf_counter() - began,
        "cpu": _cpu() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def differences(folder: Path, tool: str) -> int:
    """Documents of the first queries that only one of the two lists has, ties for the last aside.

    A tie is a document whose score is within 1e-5 of the list's last one.
    """
    mine = pl.read_parquet(folder / "ours.parquet").select("query", "doc", "score")
    other = pl.read_parquet(folder / f"{tool}.parquet").filter(pl.col("score") > 0)
    both = mine.join(other, on=["query", "doc"], how="full", coalesce=True, suffix="_other")
    last = mine.group_by("query").agg(last=pl.col("score").min())
    return (
        both.join(last, on="query", how="left")
        .filter(pl.any_horizontal(pl.col("score", "score_other").is_null()))
        .filter((pl.coalesce("score", "score_other") / pl.col("last") - 1).abs() > 1e-5)
        .height
    )


def main() -> None:
    """Run every tool once, compare what they found, and write the page."""
    if len(sys.argv) > 2 and sys.argv[1] == "one":
        _one(sys.argv[2], Path(sys.argv[3]))
        return
    rows = []
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.lexical", "one", "make", name], check=True
        )
        for tool in TOOLS:
            output = subprocess.run(
                [sys.executable, "-m", "benchmarks.lexical", "one", tool, name],
                capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            found = json.loads(output.splitlines()[-1])
            rows.append(_row(tool, found, differences(Path(name), tool)))
            print(rows[-1], flush=True)
    body = [
        f"{DOCS:,} documents, {QUERIES:,} queries of 8 words, the best {TOP}; {VOCABULARY:,} "
        f"words; {THREADS} threads or processes unless it says otherwise. The last column counts "
        f"documents of the first {CHECKED} queries on which a list disagrees with `ours`, ties for "
        "the last place aside.",
        "",
        "| tool | index s | index CPU s | search s | search CPU s | peak MB | other documents |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
    write_page("lexical", "Speed and memory of lexical search", __doc__, body)


def _row(tool: str, found: dict[str, Any], different: int) -> str:
    index, search = found["index"], found["search"]
    built = f"{index['seconds']:.1f} | {index['cpu']:.1f}" if index else "- | -"
    return (
        f"| {tool} | {built} | {search['seconds']:.1f} | {search['cpu']:.1f} "
        f"| {search['peak_mb']:,.0f} | {different} |"
    )


def _one(tool: str, folder: Path) -> None:
    if tool == "make":
        make(folder)
    else:
        found = ours(folder, tool) if tool.startswith("ours") else theirs(folder, tool)
        print(json.dumps(found))


if __name__ == "__main__":
    main()

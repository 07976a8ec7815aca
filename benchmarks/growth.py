"""How time and memory of the exact search grow with the corpus, and with the queries.

Synthetic unit vectors of 384 dimensions in a file, the 100 nearest of each query, 2 threads, the
backend that mining itself would choose. Each search is a process of its own; memory is what it
needs beyond what it held when the vectors were opened, pages of the file included.
NEGATIVES_BENCH_GROWTH scales all sizes: 0.01 is a rehearsal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.loglog import loglog
from benchmarks.page import write_page, write_picture
from benchmarks.processes import ask, measure, median, told
from benchmarks.vectors import WIDTH, made

SCALE = float(os.environ.get("NEGATIVES_BENCH_GROWTH", "1"))
K, THREADS = 100, 2
CORPORA = tuple(int(n * SCALE) for n in (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000))
ASKED = max(1, int(1_000 * SCALE))
QUERIES = tuple(max(1, int(n * SCALE)) for n in (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000))
CORPUS = int(100_000 * SCALE)
SHORT = 2e12 * SCALE**2
"""Multiplications and additions of a search that is repeated more often."""

Measured = list[dict[str, Any]]


def one(docs: int, queries: int) -> None:
    """One search, measured."""
    from negatives.search.backends import choose_backend
    from negatives.search.exact import top_k

    asked = np.load(made("growth-queries", queries, seed=3))
    corpus = np.load(made("growth-docs", docs, seed=4), mmap_mode="r")
    operations = 2.0 * docs * queries * WIDTH
    backend = choose_backend("cpu", operations, K / docs, THREADS)
    top_k(asked[:8], corpus[:5_000], K, backend=backend)  # imports and first allocations

    def job() -> dict[str, Any]:
        top_k(asked, corpus, K, backend=backend)
        return {"backend": backend.name}

    told(measure(job))


def measured(docs: int, queries: int) -> Measured:
    """Several searches of one size, each in its own process."""
    for name, rows, seed in (("growth-queries", queries, 3), ("growth-docs", docs, 4)):
        made(name, rows, seed)
    repeats = 5 if 2.0 * docs * queries * WIDTH < SHORT else 3
    return [ask("benchmarks.growth", docs, queries) for _ in range(repeats)]


def exponent(sizes: Sequence[int], found: Sequence[Measured]) -> float:
    """The b of seconds = a x size^b, fitted to the logarithms."""
    seconds = [median(results, "seconds") for results in found]
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def section(what: str, sizes: Sequence[int], found: Sequence[Measured]) -> list[str]:
    """A table, its exponents and its picture."""
    seconds = [median(results, "seconds") for results in found]
    memory = [median(results, "extra_mb") for results in found]
    title = f"Exact search against {what}"
    lines = {"seconds": seconds, "extra MB": memory}
    write_picture(f"growth-{what}", loglog(title, what, sizes, lines))
    rows = [
        f"| {size:,} | {taken:.2f} | {used:.0f} | {results[0]['backend']} | {len(results)} |"
        for size, taken, used, results in zip(sizes, seconds, memory, found, strict=True)
    ]
    half = len(sizes) // 2
    return [
        f"| {what} | seconds (median) | extra MB (median) | backend | runs |",
        "|---:|---:|---:|---|---:|",
        *rows,
        "",
        f"Seconds grow as the {exponent(sizes, found):.2f}th power of the {what}, over the larger "
        f"half of the sizes as the {exponent(sizes[half:], found[half:]):.2f}th.",
        "",
        f"![seconds and memory against {what}](growth-{what}.svg)",
        "",
    ]


def main() -> None:
    """Search at every size, and write the page and two pictures."""
    if sys.argv[1:2] == ["one"]:
        one(*map(int, sys.argv[2:]))
        return
    corpora = [measured(docs, ASKED) for docs in CORPORA]
    queries = [measured(CORPUS, asked) for asked in QUERIES]
    body = [
        f"{ASKED:,} queries, a growing corpus:",
        "",
        *section("documents", CORPORA, corpora),
        f"{CORPUS:,} documents, more and more queries:",
        "",
        *section("queries", QUERIES, queries),
    ]
    write_page("growth", "Growth of time and memory", __doc__, body)


if __name__ == "__main__":
    main()

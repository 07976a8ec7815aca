"""Exact top-k over 1M x 384 vectors in a file: 1,000 queries, k = 100, against the floor of sgemm.

The floor is what the matrix products alone would take at the rate numpy's float32 product reaches
in the same process. Each search is a process of its own; memory is what it needs beyond what it
held when the vectors were opened, pages of the file included. Recall is against float64.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.page import write_page
from benchmarks.processes import in_turn, measure, median, told
from benchmarks.vectors import WIDTH, exact, made
from negatives.search.ceilings import sgemm_rate

DOCS = int(os.environ.get("NEGATIVES_BENCH_DOCS", "1000000"))
QUERIES = 1_000
K = 100
CHECKED = 20
REPEATS = int(os.environ.get("NEGATIVES_BENCH_REPEATS", "5"))
THREADS = 1  # what is compared is CPU-seconds
BLOCK = 8_192

Found = tuple[Any, Any]


def floats(queries: Any, docs: Any, threads: int) -> Found:
    """This library, numpy."""
    from negatives.search.blas import Blas
    from negatives.search.exact import top_k

    return top_k(queries, docs, K, backend=Blas(workers=threads))


def int8(queries: Any, docs: Any, threads: int) -> Found:
    """This library, onnxruntime in bytes, then numpy."""
    from negatives.search.exact import top_k
    from negatives.search.int8_product import Int8

    return top_k(queries, docs, K, backend=Int8(workers=threads))


def bfloat16(queries: Any, docs: Any, threads: int) -> Found:
    """This library, torch in bfloat16."""
    import torch

    from negatives.search.bfloat16_product import Bfloat16
    from negatives.search.exact import top_k

    torch.set_num_threads(threads)
    return top_k(queries, docs, K, backend=Bfloat16())


def faiss_blocks(queries: Any, docs: Any, threads: int) -> Found:
    """faiss.knn over blocks of the mapped file, merged by its result heap."""
    import faiss

    faiss.omp_set_num_threads(threads)
    heap = faiss.ResultHeap(len(queries), K, keep_max=True)
    asked = queries.astype(np.float32)
    for start in range(0, len(docs), BLOCK):
        block = docs[start : start + BLOCK].astype(np.float32)
        scores, rows = faiss.knn(asked, block, K, metric=faiss.METRIC_INNER_PRODUCT)
        heap.add_result(scores, rows + start)
    heap.finalize()
    return heap.I, heap.D


def torch_blocks(queries: Any, docs: Any, threads: int) -> Found:
    """torch.topk of each block's products, merged: the loop most people write."""
    import torch

    torch.set_num_threads(threads)
    asked = torch.from_numpy(queries.astype(np.float32))
    best, rows = torch.empty(len(asked), 0), torch.empty(len(asked), 0, dtype=torch.long)
    for start in range(0, len(docs), BLOCK):
        block = torch.from_numpy(docs[start : start + BLOCK].astype(np.float32))
        scores, near = torch.topk(asked @ block.T, min(K, len(block)), dim=1)
        scores, near = torch.cat([best, scores], 1), torch.cat([rows, near + start], 1)
        best, order = torch.topk(scores, K, dim=1)
        rows = torch.gather(near, 1, order)
    return rows.numpy(), best.numpy()


TOOLS: dict[str, Callable[[Any, Any, int], Found]] = {
    "ours, int8": int8,
    "ours, float32": floats,
    "faiss.knn of blocks": faiss_blocks,
    "torch.topk of blocks": torch_blocks,
}


def one(tool: str, threads: str) -> None:
    """One search, measured."""
    queries = np.load(made("search-queries", QUERIES, seed=2))
    docs = np.load(made("search-docs", DOCS, seed=1), mmap_mode="r")
    rate = sgemm_rate()
    search = {**TOOLS, "ours, bfloat16": bfloat16}[tool]
    search(queries[:8], docs[:20_000], int(threads))  # imports and first allocations
    kept: list[Any] = []

    def job() -> dict[str, Any]:
        kept.append(search(queries, docs, int(threads))[0])
        return {}

    result = measure(job)
    chosen = np.linspace(0, QUERIES - 1, CHECKED).astype(int)
    truth = exact(queries[chosen], docs, K)
    hits = [np.isin(a, b).mean() for a, b in zip(truth, kept[0][chosen], strict=True)]
    floor = 2.0 * len(queries) * len(docs) * WIDTH / rate
    told({**result, "floor": floor, "ratio": result["cpu"] / floor, "recall": float(np.mean(hits))})


def main() -> None:
    """Search with each tool in turn, several times over, and write the page."""
    if sys.argv[1:2] == ["one"]:
        one(*sys.argv[2:])
        return
    rows = []
    found = in_turn("benchmarks.search", tuple(TOOLS), REPEATS, THREADS)
    found |= in_turn("benchmarks.search", ("ours, bfloat16",), 1, THREADS)
    for tool, results in found.items():
        shown = [f"{median(results, what):.2f}" for what in ("seconds", "cpu", "floor")]
        ratio, recall = median(results, "ratio"), median(results, "recall")
        memory = median(results, "extra_mb")
        cells = [tool, *shown, f"{ratio:.2f}", f"{memory:.0f}", f"{recall:.4f}"]
        rows.append(f"| {' | '.join(cells)} |")
    body = [
        f"{DOCS:,} documents, {QUERIES:,} queries, median of {REPEATS} runs in turn on one thread "
        "(bfloat16: one run; where the processor does not multiply tiles of it, as here unless the "
        "ratio says otherwise, it is never chosen by itself).",
        "",
        "| search | seconds | CPU-seconds | floor | CPU / floor | extra MB | recall |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
    write_page("search", "Search", __doc__, body)


if __name__ == "__main__":
    main()

"""Mining side by side with sentence-transformers, on the same precomputed vectors in one run.

Each mining is a process of its own. Seconds are of the mining alone, from vectors and texts in hand
to negatives (ours: a finished run directory with ledger, reasons and report). Extra memory is the
peak of the process, less what it held before the vectors, less the vectors themselves. The
products alone are numpy's float32 products of every query and every document, block by block,
nothing kept: about what an exact search in float32 takes at least on this machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import write_page
from benchmarks.processes import in_turn, measure, median, told

SIZES = ((100_000, 1_000, 0), (500_000, 10_000, 0), (20_000, 5_000, 0), (20_000, 5_000, 5_000))
"""Documents, queries, and positives of the first query beyond its own."""

DIM = 384
ASKED = 5
REPEATS = int(os.environ.get("NEGATIVES_BENCH_REPEATS", "5"))
HOW = f"median of {REPEATS} runs in turn" if REPEATS > 1 else "a single run of each in turn"
TOOLS = ("ours", "ours, top 100", "st faiss", "products alone")
BLOCK = 10_000


def vectors(folder: Path, docs: int, queries: int) -> None:
    """Clustered unit vectors, like those of real texts: each query lies near its positive."""
    draw = np.random.default_rng(docs + queries)
    centres = draw.standard_normal((500, DIM), dtype=np.float32)
    corpus = centres[draw.integers(0, 500, docs)]
    corpus += draw.standard_normal((docs, DIM), dtype=np.float32)
    asked = corpus[:queries] + 0.7 * draw.standard_normal((queries, DIM), dtype=np.float32)
    for name, table in (("docs", corpus), ("queries", asked)):
        np.save(folder / f"{name}.npy", table / np.linalg.norm(table, axis=1, keepdims=True))


def texts(docs: int, queries: int) -> tuple[list[str], list[str]]:
    """Short texts, all different."""
    return (
        [f"document {n:07d} about subject {n % 977}" for n in range(docs)],
        [f"query {n:07d} about subject {n % 977}" for n in range(queries)],
    )


def positives(docs: int, queries: int, more: int) -> list[tuple[int, int]]:
    """(query, doc): each query's own, and `more` of the first one's, the last of the corpus."""
    return [(n, n) for n in range(queries)] + [(0, docs - 1 - n) for n in range(more)]


def ours(folder: Path, docs: int, queries: int, more: int, top: int) -> dict[str, Any]:
    """One mining by this library."""
    import polars as pl

    import negatives as neg
    import negatives.judge.known
    import negatives.run
    import negatives.show  # imported before the clock starts, as the other side's are

    corpus, asked = texts(docs, queries)
    width = len(str(docs))
    pairs = positives(docs, queries, more)
    data = neg.Collection(
        name="made",
        split="train",
        corpus=_table("doc_id", [f"d{n:0{width}d}" for n in range(docs)], corpus),
        queries=_table("query_id", [f"q{n:0{width}d}" for n in range(queries)], asked),
        qrels=pl.DataFrame(
            {
                "query_id": [f"q{query:0{width}d}" for query, _ in pairs],
                "doc_id": [f"d{doc:0{width}d}" for _, doc in pairs],
                "relevance": pl.Series([1] * len(pairs), dtype=pl.Int32),
            }
        ),
    )
    dense = neg.Dense(
        encoder="precomputed",
        query_vectors=str(folder / "queries.npy"),
        doc_vectors=str(folder / "docs.npy"),
        top=top,
    )

    def job() -> dict[str, Any]:
        run = neg.mine(
            data, folder / "run", sources=[dense], pick=neg.Top(per_query=ASKED), overwrite=True
        )
        return {"delivered": len(run.negatives)}

    # The vectors stay in their files: what is held of them counts as extra memory.
    return measure(job)


def theirs(folder: Path, docs: int, queries: int, more: int) -> dict[str, Any]:
    """One mining by sentence-transformers."""
    import faiss  # noqa: F401
    import torch
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    corpus, asked = texts(docs, queries)
    pairs = positives(docs, queries, more)
    data = Dataset.from_dict(
        {"anchor": [asked[q] for q, _ in pairs], "positive": [corpus[d] for _, d in pairs]}
    )
    tables = {
        len(corpus): np.load(folder / "docs.npy"),
        len(asked): np.load(folder / "queries.npy"),
    }

    class Model:
        device = torch.device("cpu")
        prompts: dict[str, str] = {}  # noqa: RUF012
        default_prompt_name = None

        def encode_query(self, texts: list[str], **_: Any) -> Any:
            return tables[len(texts)]

        encode_document = encode_query

        def get_embedding_dimension(self) -> int:
            return DIM

        def similarity(self, left: Any, right: Any) -> Any:
            return torch.as_tensor(left) @ torch.as_tensor(right).T

        def similarity_pairwise(self, left: Any, right: Any) -> Any:
            return (torch.as_tensor(left) * torch.as_tensor(right)).sum(dim=-1)

    def job() -> dict[str, Any]:
        mined = mine_hard_negatives(
            data,
            Model(),
            corpus=corpus,
            num_negatives=ASKED,
            use_faiss=True,
            output_format="triplet",
            verbose=False,
        )
        return {"delivered": len(mined)}

    return measure(job)


def products(folder: Path) -> dict[str, Any]:
    """Every product of a query and a document, and nothing done with it."""
    docs, asked = (np.load(folder / f"{name}.npy") for name in ("docs", "queries"))
    out = np.empty((min(1_000, len(asked)), BLOCK), np.float32)

    def job() -> dict[str, Any]:
        for start in range(0, len(docs), BLOCK):
            for first in range(0, len(asked), len(out)):
                np.matmul(asked[first : first + len(out)], docs[start : start + BLOCK].T, out=out)
        return {}

    return measure(job)


def _table(key: str, ids: list[str], values: list[str]) -> Any:
    import polars as pl

    return pl.DataFrame(
        {key: ids, "text": values, "row": pl.Series(range(len(ids)), dtype=pl.UInt32)}
    )


def main() -> None:
    """Time every tool in turn, several times over, and write the page."""
    if sys.argv[1:2] == ["one"]:
        told(_one(sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:])))
        return
    rows = []
    for docs, queries, more in SIZES:
        with tempfile.TemporaryDirectory() as name:
            vectors(Path(name), docs, queries)
            found = in_turn("benchmarks.speed", TOOLS, REPEATS, name, docs, queries, more)
            rows.append(_row(docs, queries, more, found))
    body = [
        f"{ASKED} negatives a query, {DIM}-dimensional vectors; {HOW}, "
        "seconds / extra MB. `ours` searches as deep as sentence-transformers does (6); "
        "`ours, top 100` keeps 100 candidates a query in the ledger. The last line is the one "
        "before it, with one query of 5,001 positives among the others.",
        "",
        "| corpus x queries | "
        + " | ".join(TOOLS)
        + " | faiss path / ours: time, memory | faiss path / products alone: time |",
        "|---|" + "---|" * (len(TOOLS) + 2),
        *rows,
    ]
    write_page("speed", "Speed and memory of mining", __doc__, body)


def _row(docs: int, queries: int, more: int, found: dict[str, list[dict[str, Any]]]) -> str:
    cells = [
        f"{median(results, 'seconds'):.2f} / {median(results, 'extra_mb'):.0f}"
        for results in found.values()
    ]
    ratios = [
        _ratio(found["st faiss"], found[tool], what)
        for tool, what in (("ours", "seconds"), ("ours", "extra_mb"), ("products alone", "seconds"))
    ]
    named = f"{docs:,} x {queries:,}" + (f", one with {more + 1:,} positives" if more else "")
    return f"| {named} | {' | '.join(cells)} | {ratios[0]:.2f}, {ratios[1]:.2f} | {ratios[2]:.2f} |"


def _ratio(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], what: str) -> float:
    pairs = zip(theirs, ours, strict=True)
    return statistics.median(float(a[what]) / float(b[what]) for a, b in pairs)


def _one(tool: str, folder: Path, docs: int, queries: int, more: int) -> dict[str, Any]:
    if tool.startswith("ours"):
        return ours(folder, docs, queries, more, top=100 if "100" in tool else ASKED + 1)
    if tool == "products alone":
        return products(folder)
    return theirs(folder, docs, queries, more)


if __name__ == "__main__":
    main()

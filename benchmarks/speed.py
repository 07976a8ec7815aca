"""Mining side by side with sentence-transformers, on the same precomputed vectors in one run.

Each mining is a process of its own. Seconds are of the mining alone, from vectors and texts in hand
to negatives (ours: a finished run directory with ledger, reasons and report). Extra memory is the
peak of the process, less what it held before the vectors, less the vectors themselves.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import write_page

SIZES = ((100_000, 1_000), (100_000, 10_000))
DIM = 384
ASKED = 5
REPEATS = 3
TOOLS = ("ours", "ours, top 100", "st faiss", "st default")


def vectors(folder: Path, docs: int, queries: int) -> None:
    """Clustered unit vectors, like those of real texts: each query lies near its positive."""
    draw = np.random.default_rng(docs + queries)
    centres = draw.standard_normal((500, DIM), dtype=np.float32)
    corpus = centres[draw.integers(0, 500, docs)] + draw.standard_normal(
        (docs, DIM), dtype=np.float32
    )
    asked = corpus[:queries] + 0.7 * draw.standard_normal((queries, DIM), dtype=np.float32)
    for name, table in (("docs", corpus), ("queries", asked)):
        np.save(folder / f"{name}.npy", table / np.linalg.norm(table, axis=1, keepdims=True))


def texts(docs: int, queries: int) -> tuple[list[str], list[str]]:
    """Short texts, all different."""
    return (
        [f"document {n:07d} about subject {n % 977}" for n in range(docs)],
        [f"query {n:07d} about subject {n % 977}" for n in range(queries)],
    )


def ours(folder: Path, docs: int, queries: int, top: int) -> int:
    """One mining by this library; negatives delivered."""
    import polars as pl

    import negatives as neg
    import negatives.judge.known
    import negatives.run
    import negatives.show  # imported before the clock starts, as the other side's are

    corpus, asked = texts(docs, queries)
    width = len(str(docs))
    data = neg.Collection(
        name="made",
        split="train",
        corpus=_table("doc_id", [f"d{n:0{width}d}" for n in range(docs)], corpus),
        queries=_table("query_id", [f"q{n:0{width}d}" for n in range(queries)], asked),
        qrels=pl.DataFrame(
            {
                "query_id": [f"q{n:0{width}d}" for n in range(queries)],
                "doc_id": [f"d{n:0{width}d}" for n in range(queries)],
                "relevance": pl.Series([1] * queries, dtype=pl.Int32),
            }
        ),
    )
    dense = neg.Dense(
        encoder="precomputed",
        query_vectors=str(folder / "queries.npy"),
        doc_vectors=str(folder / "docs.npy"),
        top=top,
    )

    def job() -> int:
        run = neg.mine(
            data, folder / "run", sources=[dense], pick=neg.Top(per_query=ASKED), overwrite=True
        )
        return len(run.negatives)

    return _measured(job, held=_vector_bytes(folder))


def theirs(folder: Path, docs: int, queries: int, use_faiss: bool) -> int:
    """One mining by sentence-transformers; negatives delivered."""
    import faiss  # noqa: F401
    import torch
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    corpus, asked = texts(docs, queries)
    pairs = Dataset.from_dict({"anchor": asked, "positive": corpus[:queries]})
    before = _resident()
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

    def job() -> int:
        mined = mine_hard_negatives(
            pairs,
            Model(),
            corpus=corpus,
            num_negatives=ASKED,
            use_faiss=use_faiss,
            output_format="triplet",
            verbose=False,
        )
        return len(mined)

    return _measured(job, held=_vector_bytes(folder), before=before)


def _table(key: str, ids: list[str], values: list[str]) -> Any:
    import polars as pl

    return pl.DataFrame(
        {key: ids, "text": values, "row": pl.Series(range(len(ids)), dtype=pl.UInt32)}
    )


def _measured(job: Any, held: int, before: int | None = None) -> int:
    before = _resident() if before is None else before
    began = time.perf_counter()
    delivered = int(job())
    seconds = time.perf_counter() - began
    extra = (_peak() - before - held) / 2**20
    print(json.dumps({"seconds": seconds, "extra_mb": extra, "delivered": delivered}))
    return delivered


def _vector_bytes(folder: Path) -> int:
    return sum((folder / f"{name}.npy").stat().st_size for name in ("docs", "queries"))


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def _resident() -> int:
    return _status("VmRSS:")


def _peak() -> int:
    return _status("VmHWM:")


def main() -> None:
    """Time every tool in turn, several times over, and write the page."""
    if len(sys.argv) > 2 and sys.argv[1] == "one":
        _one(*sys.argv[2:])
        return
    rows = []
    for docs, queries in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            vectors(folder, docs, queries)
            found: dict[str, list[dict[str, float]]] = {tool: [] for tool in TOOLS}
            for _ in range(REPEATS):
                for tool in TOOLS:
                    command = [sys.executable, "-m", "benchmarks.speed", "one", tool, name]
                    output = subprocess.run(
                        [*command, str(docs), str(queries)],
                        capture_output=True, text=True, check=True,
                    ).stdout  # fmt: skip
                    found[tool].append(json.loads(output.splitlines()[-1]))
                    print(docs, queries, tool, found[tool][-1], flush=True)
            rows.append(_row(docs, queries, found))
    header = "| corpus x queries | " + " | ".join(TOOLS) + " | ours / faiss path: time, memory |"
    body = [
        "# Speed and memory of mining",
        "",
        (__doc__ or "").replace("\n", " ").strip(),
        "",
        f"{ASKED} negatives a query, {DIM}-dimensional vectors; median of {REPEATS} runs in turn, "
        "seconds / extra MB. `ours` searches as deep as sentence-transformers does (6); "
        "`ours, top 100` keeps 100 candidates a query in the ledger.",
        "",
        header,
        "|---|" + "---|" * (len(TOOLS) + 1),
        *rows,
    ]
    write_page("speed", "\n".join(body))


def _row(docs: int, queries: int, found: dict[str, list[dict[str, float]]]) -> str:
    def median(tool: str, what: str) -> float:
        return statistics.median(result[what] for result in found[tool])

    cells = [f"{median(t, 'seconds'):.2f} / {median(t, 'extra_mb'):.0f}" for t in TOOLS]
    pairs = zip(found["ours"], found["st faiss"], strict=True)
    ratio = statistics.median(a["seconds"] / b["seconds"] for a, b in pairs)
    memory = median("ours", "extra_mb") / median("st faiss", "extra_mb")
    return f"| {docs:,} x {queries:,} | {' | '.join(cells)} | {ratio:.2f}, {memory:.2f} |"


def _one(tool: str, folder: str, docs: str, queries: str) -> None:
    where, sizes = Path(folder), (int(docs), int(queries))
    if tool.startswith("ours"):
        ours(where, *sizes, top=100 if "100" in tool else ASKED + 1)
    else:
        theirs(where, *sizes, use_faiss=tool == "st faiss")


if __name__ == "__main__":
    main()

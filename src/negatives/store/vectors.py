"""Vectors on disk: float16 rows in a .npy file, written block by block, read memory-mapped.

Half precision halves disk and memory traffic; it moves a cosine by at most about 1e-3, and every
score the library reports is computed from the stored vectors, so ranks and scores agree.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.schema import Floats
from negatives.store.atomic import explained, writing

Halves = NDArray[np.float16]


def write_vectors(path: Path, rows: int, dim: int, blocks: Iterable[Floats]) -> None:
    """Write float16[rows, dim] atomically from consecutive blocks of float32 rows."""
    with writing(path) as temporary, temporary.open("wb") as file, explained(path):
        header = {"descr": "<f2", "fortran_order": False, "shape": (rows, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            with np.errstate(over="ignore"):
                halves = np.ascontiguousarray(block, np.float16)
            if not np.isfinite(halves).all():
                raise DataError(
                    f"a vector has a component of {np.abs(block).max():g}, beyond half precision",
                    where=str(path),
                    mend='use similarity = "cosine", or scale the vectors down',
                )
            file.write(halves.tobytes())


def open_vectors(path: Path) -> Halves:
    """The vectors of a file, memory-mapped and read-only."""
    vectors: Halves = np.load(path, mmap_mode="r", allow_pickle=False)
    return vectors


def read_block(vectors: Halves, start: int, stop: int) -> Floats:
    """float32 rows `start` to `stop` (or the end), read rather than mapped.

    Pages of a mapped file that were once touched count as memory of the process; a block that is
    read is forgotten with it.
    """
    stop = min(stop, len(vectors))
    owner: object = vectors.base
    if not isinstance(vectors, np.memmap) or not isinstance(owner, mmap.mmap):
        return vectors[start:stop].astype(np.float32)  # in memory already, or a part of a file
    width = vectors.shape[1]
    halves = np.fromfile(
        str(vectors.filename),
        vectors.dtype,
        count=(stop - start) * width,
        offset=vectors.offset + start * width * vectors.itemsize,
    )
    return halves.reshape(-1, width).astype(np.float32)


def normalised(vectors: Floats) -> Floats:
    """Each row divided by its Euclidean norm; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: Floats = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return result

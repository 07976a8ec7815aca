"""Vectors on disk: float32 rows in a .npy file, written block by block, read the same way.

Single precision is what encoders compute in and what users give. In half precision a cosine moves
by up to 1e-3, which is enough to reorder near neighbours and to turn a rule about scores round, so
that it serves nowhere but where a search nominates pairs that are then scored from here.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.errors import RunError
from negatives.store.atomic import explained, writing
from negatives.store.mapped import let_go, open_array

Number = TypeVar("Number", bound=np.generic)

_CHUNK = 256  # rows converted at once: they stay in a core's cache


def write_vectors(path: Path, rows: int, dim: int, blocks: Iterable[Floats]) -> None:
    """Write float32[rows, dim] atomically from consecutive blocks of rows."""
    with writing(path) as temporary, temporary.open("wb") as file, explained(path):
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f4").data)


def open_vectors(path: Path) -> Floats:
    """The vectors of a file, memory-mapped and read-only."""
    return open_array(path)


def held(vectors: Floats, memory: int) -> Floats:
    """The vectors read into memory where they take at most an eighth of it, or as they are."""
    return np.array(vectors) if vectors.nbytes <= memory // 8 else vectors


def open_range(vectors: Floats, start: int, stop: int) -> Floats:
    """Rows `start` to `stop` (or the end); of a mapped file nothing else is mapped."""
    stop = min(stop, len(vectors))
    if not _is_file(vectors):
        return vectors[start:stop]
    width = vectors.shape[1]
    place = vectors.offset + start * width * vectors.itemsize
    return np.memmap(str(vectors.filename), vectors.dtype, "r", place, (stop - start, width))


def read_block(
    vectors: NDArray[Number], start: int, stop: int, out: NDArray[Number] | None = None
) -> NDArray[Number]:
    """Rows `start` to `stop` (or the end), read rather than mapped, into `out` where it is given.

    Pages of a mapped file that were once touched count as memory of the process; a block that is
    read is forgotten with it.
    """
    stop = min(stop, len(vectors))
    if not _is_file(vectors):
        return vectors[start:stop]
    width = vectors.shape[1]
    out = np.empty((stop - start, width), vectors.dtype) if out is None else out[: stop - start]
    with Path(str(vectors.filename)).open("rb", buffering=0) as file:
        file.seek(vectors.offset + start * width * vectors.itemsize)
        read = file.readinto(out.view(np.uint8).reshape(-1).data)
    if read != out.nbytes:
        raise RunError(
            "a file of vectors has become shorter",
            where=str(vectors.filename),
            fix="run the same command again with --overwrite",
        )
    return out


def read_rows(vectors: NDArray[Number], rows: NDArray[Any]) -> NDArray[Number]:
    """A copy of any rows; of a mapped file hardly a page stays in memory.

    Rows that lie near each other share a page, so those that are sorted are read fastest.
    """
    found = np.empty((len(rows), vectors.shape[1]), vectors.dtype)
    for start in range(0, len(rows), _CHUNK):
        found[start : start + _CHUNK] = vectors[rows[start : start + _CHUNK]]
        let_go(vectors)  # each touch has mapped its neighbourhood, 64 kB or so
    return found


def _is_file(vectors: NDArray[Number]) -> TypeGuard[np.memmap[Any, np.dtype[Number]]]:
    """Whether the array is a whole mapped file of that name, row by row."""
    named = isinstance(vectors, np.memmap) and getattr(vectors, "filename", None) is not None
    return named and vectors.flags.c_contiguous and isinstance(vectors.base, mmap.mmap)

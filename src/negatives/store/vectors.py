"""Vectors on disk: float16 rows in a .npy file, written block by block, read the same way.

Half precision halves disk and memory traffic; it moves a cosine by at most about 1e-3, and every
score the library reports is computed from the stored vectors, so ranks and scores agree.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from negatives.errors import DataError, RunError
from negatives.schema import Floats
from negatives.store.atomic import explained, writing

Halves = NDArray[np.float16]
Number = TypeVar("Number", bound=np.generic)

_CHUNK = 256  # rows converted at once: they stay in a core's cache
_SIGN_AND_VALUE = np.uint32(0x8FFFE000).view(np.int32)
_PLAIN = np.uint32(113 << 23)  # float32 bits of the least half that is not subnormal
_BEYOND = np.uint32(0x477FF000)  # of what is rounded to infinity
_ROUND = np.uint32(2**32 - (112 << 23) + 0xFFF)  # from its exponent to a half's, and not quite up
_INFINITE = np.uint16(0x7C00)  # the exponent of a half that is no finite number


def write_vectors(path: Path, rows: int, dim: int, blocks: Iterable[Floats]) -> None:
    """Write float16[rows, dim] atomically from consecutive blocks of float32 rows."""
    with writing(path) as temporary, temporary.open("wb") as file, explained(path):
        header = {"descr": "<f2", "fortran_order": False, "shape": (rows, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            halves = narrowed(block)
            if not all_finite(halves):
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
        raise RunError("a file of vectors has become shorter", where=str(vectors.filename))
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


def let_go(vectors: NDArray[Any]) -> None:
    """Take the touched pages of a mapped file out of this process's memory; none is lost."""
    owner: object = vectors.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


def narrowed(vectors: NDArray[Any]) -> Halves:
    """The nearest float16 of each number, ties to even: what `astype` gives, infinity beyond.

    Of nearly all numbers the bits are rounded and moved, in a fraction of the time of `astype`,
    which sees to the others: those below 2^-14, beyond halves, or none.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    halves = np.empty(vectors.shape, np.float16)
    for start in range(0, len(vectors), _CHUNK):
        part = vectors[start : start + _CHUNK]
        out = halves[start : start + _CHUNK]
        bits = part.view(np.uint32)
        sizes = bits & np.uint32(0x7FFFFFFF)
        other = np.flatnonzero(sizes - _PLAIN >= _BEYOND - _PLAIN)
        moved = sizes >> np.uint32(13)
        moved &= np.uint32(1)  # what ties an odd last place upwards
        moved += sizes
        moved += _ROUND
        moved >>= np.uint32(13)
        signs = np.bitwise_and(bits >> np.uint32(16), np.uint32(0x8000), out=sizes)
        np.bitwise_or(moved, signs, out=out.view(np.uint16), casting="unsafe")
        with np.errstate(over="ignore"):
            out.reshape(-1)[other] = part.reshape(-1)[other]
    return halves


def all_finite(halves: Halves) -> bool:
    """Whether there is no infinity and no NaN."""
    sizes = halves.view(np.uint16) & np.uint16(0x7FFF)
    return bool(sizes.max(initial=0) < _INFINITE)


def widened(halves: Halves, out: Floats | None = None) -> Floats:
    """The same numbers as float32, into `out` where it is given; finite ones only.

    A half's bits, moved to where a float32 has its own, are that number times 2^-112. This takes a
    fifth of the time of `astype`, and a search converts the whole corpus for every batch.
    """
    halves = np.ascontiguousarray(halves)
    out = np.empty(halves.shape, np.float32) if out is None else out[: len(halves)]
    bits = out.view(np.int32)
    for start in range(0, len(halves), _CHUNK):
        part = slice(start, start + _CHUNK)
        np.left_shift(halves[part].view(np.int16), np.int32(13), out=bits[part])
        np.bitwise_and(bits[part], _SIGN_AND_VALUE, out=bits[part])
        np.multiply(out[part], np.float32(2.0**112), out=out[part])
    return out


def normalised(vectors: Floats) -> Floats:
    """Each row divided by its Euclidean norm; a zero row stays zero."""
    result = np.empty_like(vectors)
    for start in range(0, len(vectors), _CHUNK):
        part, out = vectors[start : start + _CHUNK], result[start : start + _CHUNK]
        norms = np.linalg.norm(part, axis=1, keepdims=True)
        np.divide(part, np.where(norms > 0, norms, 1), out=out)
        out[~(norms > 0)[:, 0]] = 0
    return result


def _is_file(vectors: NDArray[Number]) -> TypeGuard[np.memmap[Any, np.dtype[Number]]]:
    """Whether the array is a whole mapped file of that name, row by row."""
    named = isinstance(vectors, np.memmap) and getattr(vectors, "filename", None) is not None
    return named and vectors.flags.c_contiguous and isinstance(vectors.base, mmap.mmap)

"""Vectors somebody has already computed: .npy, .safetensors or Parquet, read block by block."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.bounded import check_ordinary
from negatives.errors import DataError
from negatives.models.checks import ALSO_READ
from negatives.models.parquet_vectors import sorted_vectors
from negatives.read.files import telling
from negatives.stats.lengths import Wide
from negatives.store.atomic import file_hash
from negatives.store.headers import check_npy, read_tensors
from negatives.store.mapped import let_go
from negatives.store.vectors import read_block, read_rows

IN_FILE_ORDER: Final = "one vector a row, in the order of the file of texts"

BFLOAT16: Final = [("bfloat16", "<u2")]
"""What numpy has no type for: the upper halves of float32 numbers."""

SAFETENSORS: Final[dict[str, Any]] = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": BFLOAT16, "I8": "<i1", "U8": "<u1",
    "I16": "<i2", "U16": "<u2",
}  # fmt: skip
"""What a safetensors header calls the types read here."""


def read_vectors(
    path: Path, ids: pl.Series, rows: pl.Series, what: str, *, scratch: Path | None = None
) -> VectorReader:
    """Open the vectors of a collection's `what` ("corpus" or "queries") without loading them.

    `ids`: the ids in the collection's order. `rows`: for each, its 0-based row in the file of
    texts, which is its row in a .npy (one 2-D array) or .safetensors (one 2-D tensor) file. A
    Parquet file has a column of strings, the ids, and one of lists or arrays of numbers, the
    vectors, in any order and among other columns; its vectors are sorted into an unnamed temporary
    file (4 bytes a number, 8 of float64) in `scratch`, or in the system's folder for such files.

    Raises `DataError` where the file is of another format, truncated or of another type than
    float32 and those of `ALSO_READ`, where it has too few vectors, or none for an id, or two, and
    where vectors differ in width. NaN and zeros are for `check_vectors`.
    """
    refuse_no_vectors(path, what)
    ending = path.suffix.lower()
    if ending in (".parquet", ".pq"):
        array: NDArray[Any] = sorted_vectors(path, ids, what, scratch)
        return VectorReader(path, array, np.arange(len(ids)))
    if ending not in MAPPERS:
        raise DataError(
            f"vectors are not read from a file with the ending {path.suffix!r}",
            where=str(path),
            fix=f"give .npy or .safetensors ({IN_FILE_ORDER}) or .parquet (ids and vectors)",
        )
    array = MAPPERS[ending](path)
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(
            f"an array of shape {list(array.shape)}, and not one of rows and columns",
            where=str(path),
            fix=f"save {IN_FILE_ORDER}; a single vector of n numbers has the shape [1, n]",
        )
    _check_count(path, array, rows, what)
    return VectorReader(path, array, rows.cast(pl.Int64).to_numpy())


def refuse_no_vectors(path: Path, what: str) -> None:
    """Raise `DataError` where there is no file of the vectors of `what`."""
    check_ordinary(path)
    if not path.is_file():
        raise DataError(
            f"there are no vectors of the {what} at {str(path)!r}",
            fix=f"name a .npy or .safetensors ({IN_FILE_ORDER}) or a .parquet file",
        )


@dataclass(frozen=True)
class VectorReader:
    """Rows of an array in a file, taken in the collection's order, a block at a time."""

    path: Path
    array: NDArray[Any]
    rows: NDArray[np.int64]

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.array.shape[1])

    @property
    def plain(self) -> bool:
        """Whether the file itself holds the vectors in the collection's order, in float32."""
        array, owner = self.array, cast("object", self.array.base)
        in_order = np.array_equal(self.rows, np.arange(len(array)))
        in_place = isinstance(owner, mmap.mmap) and array.flags.c_contiguous and array.flags.aligned
        return in_place and in_order and array.dtype == np.dtype("<f4")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the file."""
        return f"vectors-{file_hash(self.path)}"

    def block(self, start: int, stop: int) -> Wide:
        """float[stop - start, dim] of the collection's rows start .. stop, in its order.

        In float64 where the file is, for float32 may not hold such numbers; else in float32.
        """
        rows = self.rows[start:stop]
        if (rows[1:] - rows[:-1] == 1).all() and len(rows):
            found = read_block(self.array, int(rows[0]), int(rows[-1]) + 1)
        else:
            found = read_rows(self.array, rows)
        # A copy, row by row in memory, so that sums do not depend on the layout of the file.
        made: Wide = np.require(_widened(found), requirements=["C", "O"])
        let_go(self.array)
        return made


def _widened(vectors: NDArray[Any]) -> Wide:
    """float64 as it is, all else as float32, which holds every number of the narrower types."""
    if vectors.dtype.names:
        return (vectors["bfloat16"].astype(np.uint32) << np.uint32(16)).view(np.float32)
    if vectors.dtype.itemsize == 8:
        return vectors.astype(np.float64, copy=False)
    return vectors.astype(np.float32, copy=False)


def is_read(kind: np.dtype[Any]) -> bool:
    """Whether numbers of this type are taken for vectors; longer whole numbers are rather ids."""
    return (kind.kind == "f" and kind.itemsize <= 8) or (kind.kind in "iu" and kind.itemsize <= 2)


def _check_count(path: Path, array: NDArray[Any], rows: pl.Series, what: str) -> None:
    """Every text's row is there; more vectors than texts are as suspect as fewer."""
    last = rows.max()
    if isinstance(last, int) and last >= len(array):
        raise DataError(
            f"{len(array)} vectors, and the file of the {what} goes on to row {last} (from 0)",
            where=f"{path}, first row without a vector: {len(array)}",
            fix=f"save {IN_FILE_ORDER}, for every text",
        )
    if len(array) > len(rows) and isinstance(last, int) and last + 1 == len(rows):
        raise DataError(
            f"{len(array)} vectors for {len(rows)} texts of the {what}",
            where=f"{path}, first row without a text: {len(rows)}",
            fix=f"save {IN_FILE_ORDER}, and give the file of the {what}",
        )


def _map_npy(path: Path) -> NDArray[Any]:
    check_npy(path)
    fix = "save it again with numpy.save, as float32; pickled objects are never read"
    with telling("no array can be read", path, fix, (ValueError, EOFError, OSError)):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray) or not is_read(array.dtype):
        raise _not_float(path, getattr(array, "dtype", type(array).__name__))
    return array


def _map_safetensors(path: Path) -> NDArray[Any]:
    """The one matrix of a safetensors file."""
    tensors = read_tensors(path)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    two = [name for name, shape in shapes.items() if len(shape) == 2]
    if len(two) != 1:
        raise DataError(
            f"{len(two)} two-dimensional tensors: {shapes}",
            where=str(path),
            fix=f"save exactly one: {IN_FILE_ORDER}",
        )
    matrix = tensors[two[0]]
    if matrix.dtype not in SAFETENSORS:
        raise _not_float(path, matrix.dtype)
    dtype = np.dtype(SAFETENSORS[matrix.dtype])
    if matrix.begin == matrix.end:
        return np.zeros(matrix.shape, dtype)
    return np.memmap(path, dtype, "r", offset=matrix.begin, shape=matrix.shape)


def _not_float(path: Path, dtype: object) -> DataError:
    return DataError(
        f"the vectors are of type {dtype}",
        where=str(path),
        fix=f"save them as float32 ({ALSO_READ})",
    )


MAPPERS: Final = {".npy": _map_npy, ".safetensors": _map_safetensors}

"""Precomputed vectors in Parquet: matched by id, sorted once into an unnamed temporary file."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.models.checks import ALSO_READ, FIRST
from negatives.read.files import telling
from negatives.stats.lengths import Wide
from negatives.store.atomic import explained
from negatives.store.mapped import let_go

SLICE: Final = 8_388_608
"""Numbers read at a time: 32 MB as float32."""

SHAPE: Final = "a column of strings, the ids, and one of lists of float32, the vectors"

ID_NAMES: Final = ("doc_id", "query_id", "id", "_id")
"""Which column of strings or whole numbers holds the ids; else the only one of strings."""

_LISTS: Final = pl.List | pl.Array
VECTOR_NAMES: Final = ("vector", "vectors", "embedding", "embeddings")
NUMBERS: Final = ("Float16", "Float32", "Float64", "Int8", "UInt8", "Int16", "UInt16")


def sorted_vectors(path: Path, ids: pl.Series, what: str, scratch: Path | None) -> Wide:
    """The file's vectors in the order of `ids`, mapped from a file that goes with the array.

    `DataError` as `read_vectors` says.
    """
    with _readable(path):
        schema = dict(pl.scan_parquet(path, glob=False).collect_schema())
    named = [name for name in ID_NAMES if name in schema and _is_id(schema[name])]
    id_column = (
        named[0] if named else _one(path, schema, "ids", ID_NAMES, lambda kind: kind == pl.String)
    )
    vector_column = _one(
        path, schema, "vectors", VECTOR_NAMES, lambda kind: isinstance(kind, _LISTS)
    )
    place = _places(path, id_column, ids, what)
    if not len(place):
        return np.zeros((0, 0), np.float32)
    column = pl.scan_parquet(path, glob=False).select(vector_column)

    def read(start: int, rows: int) -> pl.Series:
        with _readable(path):
            return column.slice(start, rows).collect()[vector_column]

    first = read(0, 1)
    dim = _width(first, path)
    array = _temporary(len(ids), dim, _kind(first), scratch)
    step = max(1, SLICE // dim)
    for start in range(0, len(place), step):
        into = place[start : start + step]
        block = _block(read(start, step), dim, path, start)
        array[into[into >= 0]] = block[into >= 0]
        let_go(array)
    return array


def _is_id(kind: Any) -> bool:
    return kind == pl.String or isinstance(kind, pl.Categorical | pl.Enum) or kind.is_integer()


def _one(path: Path, schema: dict[str, Any], of: str, names: tuple[str, ...], fits: Any) -> str:
    """The column that fits: the only one, or the first that has a usual name."""
    fitting = [name for name, kind in schema.items() if fits(kind)]
    usual = [name for name in names if name in fitting]
    if len(fitting) == 1 or usual:
        return usual[0] if usual else fitting[0]
    raise DataError(
        f"no single column can be the {of}: {schema}",
        where=str(path),
        fix=f"write {SHAPE}; of several, the one named {', '.join(names)} is taken",
    )


def _places(path: Path, column: str, ids: pl.Series, what: str) -> NDArray[np.int64]:
    """For each row of the file its row in the collection, or -1."""
    with _readable(path):
        found = pl.read_parquet(path, columns=[column], glob=False)[column].cast(pl.String)
    if found.null_count():
        raise DataError(
            f"{found.null_count()} vectors have no id",
            where=f"{path}, rows {found.is_null().arg_true()[:FIRST].to_list()} (from 0)",
            fix="give each vector the id of its text",
        )
    if found.n_unique() != len(found):
        twice = found.filter(found.is_duplicated()).unique(maintain_order=True)
        row = found.is_duplicated().arg_true()[0]
        raise DataError(
            f"{len(twice)} ids have more than one vector: {', '.join(twice[:FIRST])}",
            where=f"{path}, first at row {row} (from 0)",
            fix="keep one vector for each id",
        )
    missing = ids.filter(~ids.is_in(found.implode()))
    if len(missing):
        raise DataError(
            f"{len(missing)} of {len(ids)} texts of the {what} have no vector: "
            f"{', '.join(missing[:FIRST])}",
            where=str(path),
            fix=f"add them, or give the file of the {what}",
        )
    numbered = pl.DataFrame({"id": ids}).with_row_index("at")
    matched = pl.DataFrame({"id": found}).join(numbered, on="id", how="left", maintain_order="left")
    return cast("NDArray[np.int64]", matched["at"].cast(pl.Int64).fill_null(-1).to_numpy())


def _width(first: pl.Series, path: Path) -> int:
    vector = first[0]
    if vector is None or not len(vector):
        raise DataError("a text without a vector", where=f"{path}, row 0", fix=f"write {SHAPE}")
    if str(vector.dtype) not in NUMBERS:
        raise DataError(
            f"the vectors are of type {vector.dtype}",
            where=f"{path}, column {first.name!r}",
            fix=f"save them as float32 ({ALSO_READ})",
        )
    return len(vector)


def _kind(values: pl.Series) -> Any:
    """float64 where the vectors are, for float32 may not hold such numbers; else float32."""
    return np.float64 if values.dtype.inner == pl.Float64 else np.float32  # type: ignore[attr-defined]


def _block(values: pl.Series, dim: int, path: Path, start: int) -> Wide:
    """float[rows, dim], every vector of them being `dim` wide and without gaps."""
    lists = values.arr.to_list() if isinstance(values.dtype, pl.Array) else values
    widths = lists.list.len().fill_null(0)
    gaps = lists.list.eval(pl.element().is_null()).list.any().fill_null(True)
    for wrong, what in ((widths != dim, "widths other than"), (gaps, "gaps in their")):
        if wrong.any():
            rows = wrong.arg_true()[:FIRST] + start
            raise DataError(
                f"{wrong.sum()} vectors have {what} {dim} numbers",
                where=f"{path}, rows {rows.to_list()} (from 0), widths "
                f"{widths.filter(wrong)[:FIRST].to_list()}",
                fix="encode all texts with one model, and give each its whole vector",
            )
    flat = lists.explode().to_numpy().astype(_kind(values), copy=False)
    return cast("Wide", flat.reshape(len(values), dim))


def _temporary(rows: int, dim: int, kind: Any, scratch: Path | None) -> Wide:
    """A memory-mapped float[rows, dim] whose file has no name and goes with the mapping."""
    folder = scratch or Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    with explained(folder), tempfile.TemporaryFile(dir=folder) as file:
        # Writing zeros now meets a full disk here, as an error, and not later as a killed process.
        left = rows * dim * np.dtype(kind).itemsize
        while left:
            left -= file.write(bytes(min(left, 1 << 24)))
        file.flush()
        return np.memmap(file, kind, "r+", shape=(rows, dim))


def _readable(path: Path) -> AbstractContextManager[None]:
    fix = "it may be truncated or of another format: write it again"
    return telling("not a readable Parquet file", path, fix)

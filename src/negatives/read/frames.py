"""Tables whose columns already have types (Parquet, CSV, Arrow), brought to the columns wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, TypeVar

import polars as pl

from negatives.bounded import check_ordinary
from negatives.errors import DataError, nearest_path
from negatives.read.class_labels import features_of, graded
from negatives.read.files import check_head, reading, telling
from negatives.read.findings import BAD_SCORE, MISSING, WRONG_TYPE, Findings, shown
from negatives.read.jsonl import DTYPES, NUMERIC_IDS, PLACE, Field, without_empty_ids
from negatives.read.packing import packing_of

ROWS: Final = 50_000
"""Rows of a table that are read at a time."""

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

POLARS: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What polars raises where it cannot read a file."""


def parquet_schema(path: Path) -> dict[str, Any]:
    """Column -> type of a Parquet file; `DataError` when it is cut off or is none."""
    check_ordinary(path)
    packing = packing_of(path)
    if packing is not None:
        raise DataError(
            f"a Parquet file cannot be read while it is packed with {packing.name}",
            where=str(path),
            fix=f"unpack it: {packing.command} {path.name} (Parquet packs its columns itself)",
        )
    if not path.exists():
        raise DataError("no such file", where=str(path), fix=nearest_path(path))
    with reading(path), path.open("rb") as file:
        head = file.read(4096)
    if head[:4] not in (b"PAR1", b"PARE"):
        check_head(path, head)
        begins = f"not a Parquet file: it begins with {shown(head[:40].decode(errors='replace'))}"
        raise DataError(
            begins if head else "not a whole Parquet file: it is empty",
            where=str(path),
            fix="copy or download it again, or end its name as its format asks",
        )
    fix = "write or copy it again: a Parquet file that was cut off cannot be read"
    with telling("not a whole Parquet file", path, fix, POLARS):
        return dict(pl.scan_parquet(path, glob=False).collect_schema())


def readable(path: Path) -> AbstractContextManager[None]:
    """What is said where the library that reads `path` comes to an end with it."""
    return telling("cannot be read", path, "write or copy it again", (*POLARS, ValueError))


def parquet_frames(path: Path, columns: list[str], rows: int = ROWS) -> Iterator[pl.DataFrame]:
    """Some columns of a Parquet file, about so many rows at a time; lists in place of arrays.

    Class labels of `datasets` are the grades that they stand for.
    """
    scan = with_lists(pl.scan_parquet(path, glob=False)).select(columns)
    with readable(path):
        features = features_of(path)
        for frame in scan.collect_batches(chunk_size=rows, maintain_order=True, lazy=True):
            yield graded(frame, features, str(path))


def with_lists(frame: Frame) -> Frame:
    """The same with lists in the place of arrays, which are lists of one length, wherever."""
    wanted = {name: _listed(dtype) for name, dtype in frame.collect_schema().items()}
    other = {name: dtype for name, dtype in wanted.items() if dtype is not None}
    return frame.with_columns(pl.col(name).cast(dtype) for name, dtype in other.items())


def _listed(dtype: Any) -> Any:
    """A type with lists in the place of arrays; None where it has none."""
    if isinstance(dtype, pl.Struct):
        inner = {each.name: _listed(each.dtype) for each in dtype.fields}
        if not any(inner.values()):
            return None
        return pl.Struct({each.name: inner[each.name] or each.dtype for each in dtype.fields})
    if not isinstance(dtype, pl.List | pl.Array):
        return None
    inner = _listed(dtype.inner)
    if inner is None and isinstance(dtype, pl.List):
        return None
    return pl.List(dtype.inner if inner is None else inner)


def with_whole_relevance(block: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """The rows of `block` whose `relevance` is a whole number; the others reported."""
    value = pl.col("relevance").cast(pl.Float64)
    whole = (value == value.round()) & value.is_between(-(2**31), 2**31 - 1)
    for row in block.filter(~whole).iter_rows(named=True):
        raw = {key: value for key, value in row.items() if key not in PLACE and value is not None}
        reason = f"relevance is {row['relevance']}"
        findings.add(BAD_SCORE, row["file"], row["line"], reason, raw)
        findings.enough()
    return block.filter(whole)


def typed_frames(
    path: Path, fields: Mapping[str, Field], findings: Findings
) -> Iterator[pl.DataFrame]:
    """Typed blocks of a Parquet file."""
    there = [*parquet_schema(path)]
    wanted = [name for name in there if name in {field.name for field in fields.values()}]
    return from_frames(parquet_frames(path, wanted), there, fields, str(path), findings)


def from_frames(
    frames: Iterable[pl.DataFrame],
    there: Sequence[str],
    fields: Mapping[str, Field],
    where: str,
    findings: Findings,
) -> Iterator[pl.DataFrame]:
    """Typed blocks of tables that follow one another, with the columns of `fields` that are there.

    `there`: the names of the tables' columns. Raises `DataError` where a required one is not.
    """

    def placed() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        file, first = findings.file(where, "row"), 0
        for frame in frames:
            at = pl.int_range(first, first + len(frame), dtype=pl.UInt32, eager=True)
            first += len(frame)
            place = pl.DataFrame({"row": at}).with_columns(
                file=pl.lit(file, dtype=pl.UInt32), line=pl.col("row") + 1
            )
            yield frame, place

    return typed_blocks(placed(), there, fields, where, findings)


def typed_blocks(
    placed: Iterable[tuple[pl.DataFrame, pl.DataFrame]],
    there: Sequence[str],
    fields: Mapping[str, Field],
    where: str,
    findings: Findings,
) -> Iterator[pl.DataFrame]:
    """The same of tables that each come with the places of their rows: row, file, line."""
    fields = {key: field for key, field in fields.items() if field.required or field.name in there}
    for field in fields.values():
        if field.name not in there:
            raise DataError(
                f"there is no column {field.name!r} among {', '.join(there)}",
                where=where,
                fix=f"call the column that holds it {field.name}",
            )
    for frame, place in placed:
        yield _typed(frame, fields, place, where, findings)


def _typed(
    frame: pl.DataFrame,
    fields: Mapping[str, Field],
    place: pl.DataFrame,
    where: str,
    findings: Findings,
) -> pl.DataFrame:
    """The columns of `fields` with their types, then row, file, line; bad rows reported."""
    columns = {
        key: _column(frame[field.name], field, where, findings) for key, field in fields.items()
    }
    made = pl.DataFrame(columns).hstack(place)
    for key, field in fields.items():
        if field.required:
            made = _without_nulls(made, key, field, list(fields), findings)
    return without_empty_ids(made, fields, findings)


def _column(series: pl.Series, field: Field, where: str, findings: Findings) -> pl.Series:
    dtype = series.dtype
    if dtype == pl.Null:
        return pl.Series(series.name, [None] * len(series), dtype=DTYPES[field.kind])
    if field.kind == "field":
        return _as_json(series, field, findings)
    if field.kind == "number" and (dtype.is_numeric() or dtype == pl.Boolean):
        return series.cast(pl.Float64)
    if field.kind == "id" and dtype.is_numeric():
        findings.note(*NUMERIC_IDS, len(series.drop_nulls()))
        return whole_ids(series, where).cast(pl.String)
    if field.kind != "number" and isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return series.cast(pl.String)
    raise DataError(
        f"column {field.name!r} holds {dtype}",
        where=where,
        fix=WRONG_TYPE.fix,
    )


def _as_json(series: pl.Series, field: Field, findings: Findings) -> pl.Series:
    """Values as JSON; none where a field can hold none of their type, which is noted."""
    dtype = series.dtype
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else dtype
    if inner.is_nested() or inner in (pl.Binary, pl.Object):
        held = "values of no one type" if inner == pl.Object else dtype
        findings.note(f"field {field.name!r} is not read: it holds {held}", "", 1)
        return pl.Series(series.name, [None] * len(series), dtype=pl.String)
    if dtype.is_decimal():
        series = series.cast(pl.Float64)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        series = series.cast(pl.String)
    whole = series.alias("v").to_frame().select(pl.struct("v").struct.json_encode()).to_series()
    text = whole.str.slice(5).str.head(-1)  # of {"v":...}
    return text.set(text == "null", None)  # what is not there, and what is no number


def whole_ids(series: pl.Series, where: str) -> pl.Series:
    """Numbers with a fraction as whole numbers, which they must be to be ids; others unchanged.

    A table that lacks some ids holds the others so.
    """
    if not series.dtype.is_float():
        return series
    filled = series.fill_nan(None)
    odd = filled.filter((filled != filled.round()) | (filled.abs() >= 2**53)).drop_nulls()
    if len(odd):
        raise DataError(
            f"column {series.name!r} holds numbers that are no ids, such as {odd[0]!r}",
            where=where,
            fix="give ids as texts or as whole numbers",
        )
    return filled.cast(pl.Int64)


def _without_nulls(
    frame: pl.DataFrame, key: str, field: Field, keys: list[str], findings: Findings
) -> pl.DataFrame:
    null = frame[key].is_null()
    for row in frame.filter(null).iter_rows(named=True):
        raw = {name: row[name] for name in keys}
        findings.add(MISSING, row["file"], row["line"], f"{field.name!r} is null", raw)
        findings.enough()
    return frame.filter(~null)

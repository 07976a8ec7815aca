"""Tables whose columns already have types (Parquet, CSV, Arrow), brought to the columns wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from negatives.bounded import check_ordinary
from negatives.errors import DataError
from negatives.faults import raise_spent
from negatives.read.findings import BAD_SCORE, MISSING, WRONG_TYPE, Findings
from negatives.read.jsonl import DTYPES, NUMERIC_IDS, PLACE, Field, without_empty_ids
from negatives.read.packing import packing_of


def parquet_schema(path: Path) -> dict[str, Any]:
    """Column -> type of a Parquet file; `DataError` when it is cut off or is none."""
    with _whole(path):
        return dict(pl.scan_parquet(path, glob=False).collect_schema())


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    check_ordinary(path)
    packing = packing_of(path)
    if packing is not None:
        raise DataError(
            f"a Parquet file cannot be read while it is packed with {packing.name}",
            where=str(path),
            mend=f"unpack it: {packing.command} {path.name} (Parquet packs its columns itself)",
        )
    try:
        yield
    except FileNotFoundError:
        raise DataError("no such file", where=str(path), mend="check the path") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise_spent(error)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(
            f"not a whole Parquet file: {reason}",
            where=str(path),
            mend="write or copy it again: a Parquet file that was cut off cannot be read",
        ) from None


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


def from_frame(
    frame: pl.DataFrame, fields: dict[str, Field], where: str, findings: Findings, first: int = 0
) -> Iterator[pl.DataFrame]:
    """The one typed block of a table whose rows are numbered from `first`."""
    file = findings.file(where, "row")
    at = pl.int_range(first, first + len(frame), dtype=pl.UInt32, eager=True)
    place: dict[str, Any] = {"row": at, "file": pl.lit(file, dtype=pl.UInt32), "line": at + 1}
    wanted = frame.select(pl.col(sorted({field.name for field in fields.values()})))
    clash = {name: f"{name} " for name in wanted.columns if name in PLACE}
    fields = {
        key: Field(clash.get(field.name, field.name), field.kind, field.required)
        for key, field in fields.items()
    }
    yield typed(wanted.rename(clash).with_columns(**place), fields, where, findings)


def typed(
    frame: pl.DataFrame, fields: Mapping[str, Field], where: str, findings: Findings
) -> pl.DataFrame:
    """The columns of `fields` with their types, then row, file, line; bad rows reported."""
    made = frame.select(
        *(
            _column(frame[field.name], field, where, findings).alias(key)
            for key, field in fields.items()
        ),
        *PLACE,
    )
    for key, field in fields.items():
        if field.required:
            made = _without_nulls(made, key, field, list(fields), findings)
    return without_empty_ids(made, fields, findings)


def _column(series: pl.Series, field: Field, where: str, findings: Findings) -> pl.Series:
    dtype = series.dtype
    if dtype == pl.Null:
        return pl.Series(series.name, [None] * len(series), dtype=DTYPES[field.kind])
    if field.kind == "number" and (dtype.is_numeric() or dtype == pl.Boolean):
        return series.cast(pl.Float64)
    if field.kind == "id" and dtype.is_integer():
        findings.note(*NUMERIC_IDS, len(series.drop_nulls()))
        return series.cast(pl.String)
    if field.kind != "number" and isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return series.cast(pl.String)
    raise DataError(
        f"column {field.name!r} holds {dtype}",
        where=where,
        mend=WRONG_TYPE.mend,
    )


def _without_nulls(
    frame: pl.DataFrame, key: str, field: Field, keys: list[str], findings: Findings
) -> pl.DataFrame:
    null = frame[key].is_null()
    for row in frame.filter(null).iter_rows(named=True):
        raw = {name: row[name] for name in keys}
        findings.add(MISSING, row["file"], row["line"], f"{field.name!r} is null", raw)
        findings.enough()
    return frame.filter(~null)

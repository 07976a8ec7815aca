"""Tables whose columns already have types (Parquet, CSV, Arrow), brought to the columns wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from negatives.bounded import check_ordinary
from negatives.errors import DataError
from negatives.read.findings import MISSING, WRONG_TYPE, Findings
from negatives.read.jsonl import DTYPES, NUMERIC_IDS, PLACE, Field, without_empty_ids
from negatives.read.packing import packing_of


def is_text(dtype: Any) -> bool:
    """Whether a column may hold a text, or a list of texts."""
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else dtype
    return isinstance(inner, pl.String | pl.Categorical | pl.Enum)


def parquet_schema(path: Path) -> dict[str, Any]:
    """Column -> type of a Parquet file; `DataError` when it is cut off or is none."""
    with _whole(path):
        return dict(pl.read_parquet_schema(path))


def read_parquet(path: Path, columns: list[str]) -> pl.DataFrame:
    """Some columns of a Parquet file; `DataError` when it is cut off or is none."""
    with _whole(path):
        return pl.read_parquet(path, columns=columns, glob=False)


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
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(
            f"not a whole Parquet file: {reason}",
            where=str(path),
            mend="write or copy it again: a Parquet file that was cut off cannot be read",
        ) from None


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
    listed = isinstance(dtype, pl.List | pl.Array)
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else dtype
    plural = field.kind in ("ids", "texts")
    integer = getattr(inner, "is_integer", lambda: False)()
    wanted = DTYPES[field.kind]
    if inner == pl.Null:
        return pl.Series(series.name, [None] * len(series), dtype=wanted)
    if field.kind == "number" and not listed and (inner.is_numeric() or inner == pl.Boolean):
        return series.cast(pl.Float64)
    is_id = field.kind in ("id", "ids") and integer
    if field.kind != "number" and (is_text(inner) or is_id) and (plural or not listed):
        if is_id:
            findings.note(*NUMERIC_IDS, series.explode().drop_nulls().len())
        if listed:
            return series.cast(wanted)
        strings = series.cast(pl.String)
        if not plural:
            return strings
        one = pl.when(pl.col("s").is_not_null()).then(pl.concat_list("s"))
        return strings.to_frame("s").select(one).to_series()
    raise DataError(
        f"column {field.name!r} holds {dtype}",
        where=where,
        mend=WRONG_TYPE.mend,
    )


def _without_nulls(
    frame: pl.DataFrame, key: str, field: Field, keys: list[str], findings: Findings
) -> pl.DataFrame:
    null = frame[key].is_null()
    if frame[key].dtype == pl.List(pl.String):
        null |= frame[key].list.eval(pl.element().is_null()).list.any().fill_null(False)
    if not null.any():
        return frame
    for row in frame.filter(null).iter_rows(named=True):
        raw = {name: row[name] for name in keys}
        findings.add(MISSING, row["file"], row["line"], f"{field.name!r} is null", raw)
        findings.enough()
    return frame.filter(~null)

"""A mined file as tables of a few thousand rows, with the columns it happens to have.

What the columns mean is in `layout.py`. Parquet, JSON lines, CSV and TSV (text also packed with
gzip), TREC's runs and qrels, a folder saved by `datasets`, and a run directory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import polars as pl

from negatives.errors import DataError
from negatives.optional import require
from negatives.read import delimited
from negatives.read.address import pair_files
from negatives.read.files import blocks, ending
from negatives.read.findings import Findings
from negatives.read.frames import parquet_schema
from negatives.read.jsonl import PLACE, first_record
from negatives.run.directory import Run, is_run

FileType = Literal["parquet", "jsonl", "delimited", "trec", "datasets", "run"]

BLOCK: Final = 32_768
"""Rows of a table."""

_HEAD: Final = 1 << 16
"""Bytes of JSON lines that tell the columns."""

TREC_RUN: Final = ("query_id", "q0", "doc_id", "rank", "score", "tag")
TREC_QRELS: Final = ("query_id", "iteration", "doc_id", "relevance")

_TYPES: Final[dict[str, FileType]] = {
    ".parquet": "parquet",
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".csv", ".tsv"), "delimited"),
    **dict.fromkeys((".trec", ".run", ".qrels", ".txt"), "trec"),
}
_PASSAGE: Final = pl.Struct({"docid": pl.String, "title": pl.String, "text": pl.String})


@dataclass(frozen=True)
class Source:
    """A mined file: where it is, what type of file it is, and its columns (name -> type)."""

    path: Path
    type: FileType
    columns: dict[str, Any]

    def tables(self, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in order, in tables of at most `BLOCK`; some columns, or all there are."""
        wanted = [*self.columns] if columns is None else columns
        read = {
            "parquet": _parquet,
            "run": _parquet,
            "jsonl": _jsonl,
            "delimited": _delimited,
            "trec": _trec,
            "datasets": _datasets,
        }[self.type]
        for table in read(self, wanted):
            yield from table.iter_slices(BLOCK)


def source(file: str | Path) -> Source:
    """What is at `file`; `DataError` when it is nothing that could hold negatives."""
    path = Path(file)
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise DataError("no such file or folder", where=str(file), mend="check the path")
    kind = _TYPES.get(ending(path))
    if kind is None:
        raise DataError(
            f"a file ending in {path.suffix!r} is of no known format",
            where=str(path),
            mend=f"mined files are read from {', '.join(_TYPES)}, from a folder that "
            "`save_to_disk` of datasets wrote, and from a run directory",
        )
    columns = {
        "parquet": _parquet_columns,
        "jsonl": _jsonl_columns,
        "delimited": _header,
        "trec": _trec_columns,
    }[kind](path)
    if tuple(columns) in (TREC_RUN, TREC_QRELS) and kind == "delimited":
        kind = "trec"  # a .tsv without a header, its columns apart by spaces
    return Source(path, kind, columns)


def _folder(path: Path) -> Source:
    if is_run(path):
        negatives = Run(path).negatives_file
        return Source(negatives, "run", dict(parquet_schema(negatives)))
    if any((path / name).exists() for name in ("dataset_info.json", "dataset_dict.json")):
        return Source(path, "datasets", dict(next(_arrow(path)).schema))
    files = pair_files(path)
    if len(files) == 1:
        return source(files[0])
    raise DataError(
        f"the folder holds {len(files)} files that could hold negatives",
        where=str(path),
        mend="name one of them",
    )


# ---- Parquet and Arrow ---------------------------------------------------------------------------


def _parquet_columns(path: Path) -> dict[str, Any]:
    return parquet_schema(path)


def _parquet(src: Source, columns: list[str]) -> Iterator[pl.DataFrame]:
    scan = pl.scan_parquet(src.path, glob=False).select(columns)
    with _told(src.path):
        yield from scan.collect_batches(chunk_size=BLOCK, maintain_order=True, lazy=True)


def _datasets(src: Source, columns: list[str]) -> Iterator[pl.DataFrame]:
    for frame in islice(_arrow(src.path), 1, None):
        yield frame.select(columns)


def _arrow(path: Path) -> Iterator[pl.DataFrame]:
    """An empty table with the columns, then the rows of a saved dataset (its train split)."""
    datasets = require("datasets", extra="hub")
    with _told(path), quiet(datasets):
        saved = datasets.load_from_disk(str(path))
        if isinstance(saved, dict):
            if "train" not in saved and len(saved) > 1:
                raise DataError(
                    f"there are several splits and none is named train: {', '.join(saved)}",
                    where=str(path),
                    mend=f"name the folder of one, as in {path / next(iter(saved))}",
                )
            saved = saved["train"] if "train" in saved else next(iter(saved.values()))
        yield _frame(saved.features.arrow_schema.empty_table())
        for batch in saved.with_format("arrow").iter(batch_size=BLOCK):
            yield _frame(batch)


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


@contextmanager
def quiet(datasets: Any) -> Iterator[None]:
    """The library `datasets` without its progress bars."""
    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not bars:
            datasets.enable_progress_bars()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Whatever a library says of a file that it cannot read becomes one `DataError`."""
    try:
        yield
    except (DataError, GeneratorExit):
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(
            f"cannot be read: {reason}", where=str(path), mend="write or copy it again"
        ) from None


# ---- JSON lines ----------------------------------------------------------------------------------


def _jsonl_columns(path: Path) -> dict[str, Any]:
    """Columns of the first records, each by the first value that tells its type."""
    first_record(path)  # says so where it is no JSON lines at all
    values: dict[str, Any] = {}
    for line in next(blocks(path, _HEAD), b"").split(b"\n"):
        try:
            record = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(record, dict):
            for name, value in record.items():
                if values.get(name) in (None, [], ""):
                    values[name] = value
    if not values and path.stat().st_size:
        raise DataError(
            "no row is a JSON object",
            where=str(path),
            mend="write one JSON object a line, as UTF-8",
        )
    return {name: _json_type(value) for name, value in values.items()}


def _json_type(value: object) -> Any:
    if isinstance(value, list):
        inner = next((one for one in value if one is not None), "")
        if isinstance(inner, dict):
            return pl.List(_PASSAGE)
        return pl.List(pl.Float64 if isinstance(inner, float) else pl.String)
    if isinstance(value, bool | float):
        return pl.Float64()
    return pl.Int64() if isinstance(value, int) else pl.String()


def _jsonl(src: Source, columns: list[str]) -> Iterator[pl.DataFrame]:
    # Numbers may be whole in the first line and not in another, and ids may be either.
    schema = {name: _loose(src.columns[name]) for name in columns}
    done = 0
    for block in blocks(src.path):
        try:
            table = pl.read_ndjson(io.BytesIO(block), schema=schema) if block.strip() else None
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise _blamed(src, block, schema, done, str(error)) from None
        if table is not None:
            done += len(table)
            yield table


def _loose(dtype: Any) -> Any:
    return dtype if dtype.is_nested() else pl.String()


def _blamed(src: Source, block: bytes, schema: dict[str, Any], done: int, reason: str) -> DataError:
    """The error that names the first row of `block` that cannot be read."""
    for number, line in enumerate(filter(bytes.strip, block.split(b"\n")), done + 1):
        try:
            pl.read_ndjson(io.BytesIO(line), schema=schema)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            try:
                value = msgspec.json.decode(line)
                what = "has a value of another type than the first row"
                what = what if isinstance(value, dict) else "is no JSON object"
            except (msgspec.MsgspecError, UnicodeDecodeError):
                what = "is not JSON"
            said = str(error).strip().splitlines()[0]
            return DataError(
                f"row {number:,} {what}: {said}",
                where=str(src.path),
                mend="write one JSON object a line, as UTF-8, all of one shape",
            )
    return DataError(f"cannot be read: {reason.splitlines()[0]}", where=str(src.path))


# ---- CSV, TSV, TREC ------------------------------------------------------------------------------


def _header(path: Path) -> dict[str, Any]:
    rows = delimited.records(path, delimited.separator(path), Findings())
    _, names = next(rows, (0, []))
    names = [name.strip() for name in names]
    if len(names) == 1 and len(names[0].split()) in (4, 6):
        return dict.fromkeys(TREC_QRELS if len(names[0].split()) == 4 else TREC_RUN, pl.String())
    if len(set(names)) < len(names) or any(name.isdigit() or not name for name in names):
        raise DataError(
            f"the first line is no header: {names}",
            where=f"{path}, line 1",
            mend="let the first line name the columns, each once: anchor, positive, negative",
        )
    return dict.fromkeys((f"{name} " if name in PLACE else name for name in names), pl.String())


def _delimited(src: Source, columns: list[str]) -> Iterator[pl.DataFrame]:
    findings = Findings()
    rows = delimited.records(src.path, delimited.separator(src.path), findings)
    next(rows, None)
    for chunk in delimited.chunks(src.path, [*src.columns], rows, findings):
        yield chunk.select(columns)
    findings.done()


def _trec_columns(path: Path) -> dict[str, Any]:
    first = next(blocks(path, 1 << 16), b"").decode(errors="replace").split("\n", 1)[0].split()
    if len(first) not in (len(TREC_RUN), len(TREC_QRELS)):
        raise DataError(
            f"line 1 has {len(first)} columns: TREC's runs have six, its qrels four",
            where=str(path),
            mend="or end the name of the file in .jsonl, .csv, .tsv or .parquet, as it is",
        )
    return dict.fromkeys(TREC_RUN if len(first) == len(TREC_RUN) else TREC_QRELS, pl.String())


def _trec(src: Source, columns: list[str]) -> Iterator[pl.DataFrame]:
    names, done = [*src.columns], 0
    for block in blocks(src.path):
        try:
            text = block.decode()
        except UnicodeDecodeError:
            raise DataError("not UTF-8", where=str(src.path), mend="save it as UTF-8") from None
        lines = pl.Series(text.split("\n"), dtype=pl.String)
        fields = lines.str.replace_all(r"\s+", " ").str.strip_chars()
        fields = fields.filter(fields != "").str.split(" ")
        odd = (fields.list.len() != len(names)).arg_true()
        if len(odd):
            raise DataError(
                f"row {done + odd[0] + 1:,} has {len(fields[int(odd[0])])} columns, "
                f"where the first has {len(names)}",
                where=str(src.path),
            )
        done += len(fields)
        table = fields.to_frame("fields").select(
            pl.col("fields").list.get(at).alias(name) for at, name in enumerate(names)
        )
        yield table.select(columns)

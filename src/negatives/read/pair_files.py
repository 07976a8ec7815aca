"""Pair files: Parquet, JSON lines, CSV and TSV; one file, several named by a pattern, or a folder.

In a folder, files whose names begin with train, dev, test, validation, valid, val or eval belong
to that split; all others are the split train. Which column is what: `columns.py`. How rows become
a collection: `pairs.py`.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read import delimited
from negatives.read.address import PAIR_ENDINGS, Address, pair_files
from negatives.read.columns import is_known, resolve
from negatives.read.files import ending
from negatives.read.findings import BAD_SCORE, Findings
from negatives.read.frames import is_text, parquet_schema, read_parquet, typed
from negatives.read.jsonl import PLACE, Field, JsonLines, first_record
from negatives.read.pairs import collection_of, normalised
from negatives.schema import Collection

_SPLIT: Final = re.compile(r"(train|dev|test|validation|valid|val|eval)(?![a-z])", re.IGNORECASE)


def splits(address: Address) -> list[str]:
    """The splits that the names of the files tell."""
    return sorted(_by_split(address))


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of all files of one split."""
    files = _by_split(address)[split]
    blocks = chain.from_iterable(read_pairs(path, findings) for path in files)
    return collection_of(address.name, split, blocks, findings)


def _by_split(address: Address) -> dict[str, list[Path]]:
    if address.path.is_dir():
        files = pair_files(address.path)
    elif address.path.exists():
        return {"train": [address.path]}
    else:
        found = glob.glob(str(address.path), recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
        files = sorted(map(Path, found))
        files = [path for path in files if ending(path) in PAIR_ENDINGS]
    if not files:
        raise DataError("no file matches", where=str(address.path), mend="check the pattern")
    made: dict[str, list[Path]] = {}
    for path in files:
        match = _SPLIT.match(path.name)
        made.setdefault(match[1].lower() if match else "train", []).append(path)
    return made


def read_pairs(path: Path, findings: Findings) -> Iterator[pl.DataFrame]:
    """Normalised blocks of one file."""
    readers = {".parquet": _from_parquet, ".csv": _from_delimited, ".tsv": _from_delimited}
    for block in readers.get(ending(path), _from_jsonl)(path, findings):
        yield normalised(block, findings)
    findings.enough()


def _from_jsonl(path: Path, findings: Findings) -> Iterator[pl.DataFrame]:
    record = first_record(path)
    columns = {
        name: isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(one, str) for one in value))
        for name, value in record.items()
    }
    if not columns:
        # nothing in the first block is an object: reading on by any names reports why
        columns = {"query": True, "positive": True}
    yield from JsonLines(path, resolve(columns, str(path), findings), findings)


def _from_parquet(path: Path, findings: Findings) -> Iterator[pl.DataFrame]:
    columns = {name: is_text(dtype) for name, dtype in parquet_schema(path).items()}
    fields = resolve(columns, str(path), findings)
    frame = read_parquet(path, sorted({field.name for field in fields.values()}))
    yield from from_frame(frame, fields, str(path), findings)


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


def _from_delimited(path: Path, findings: Findings) -> Iterator[pl.DataFrame]:
    rows = delimited.records(path, delimited.separator(path), findings)
    head = next(islice(rows, 1), None)
    if head is None:
        findings.done()
        return
    header = [name.strip() for name in head[1]]
    _check_header(header, path)
    header = [f"{name} " if name in PLACE else name for name in header]
    fields = resolve(dict.fromkeys(header, True), str(path), findings)
    for chunk in delimited.chunks(path, header, rows, findings):
        yield typed(_without_blanks(chunk, fields, findings), fields, str(path), findings)


def _check_header(header: list[str], path: Path) -> None:
    """A file without a header would lose its first pair, and its columns could not be told."""
    names = not any(re.search(r"\s.*\s|^$", name) for name in header)
    if len(set(header)) < len(header) or not (any(map(is_known, header)) or names):
        raise DataError(
            f"the first line is no header: {header}",
            where=f"{path}, line 1",
            mend="let the first line name the columns, each once: query, positive, negative_1 ...",
        )


def _without_blanks(
    chunk: pl.DataFrame, fields: dict[str, Field], findings: Findings
) -> pl.DataFrame:
    """`chunk` with numbers parsed; a blank negative is none."""
    for key, field in fields.items():
        column = pl.col(field.name)
        if key.startswith("negative_"):
            chunk = chunk.with_columns(pl.when(column != "").then(column).alias(field.name))
        if field.kind == "number":
            number = chunk[field.name].str.strip_chars().cast(pl.Float64, strict=False)
            for row in chunk.filter(number.is_null()).iter_rows(named=True):
                reason = f"{field.name} is {row[field.name]!r}"
                raw = {name: value for name, value in row.items() if name not in PLACE}
                findings.add(BAD_SCORE, row["file"], row["line"], reason, raw)
                findings.enough()
            chunk = chunk.with_columns(number).filter(number.is_not_null())
    return chunk

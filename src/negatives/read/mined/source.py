"""A file opened: what type of file it is, what its columns hold, and its rows.

Parquet, JSON lines or a JSON array, CSV and TSV, TREC's runs and judgements (text also packed), a
folder saved by `datasets`, and tables handed in. What the columns mean is in `layout.py`.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from collections.abc import Collection as Names
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from negatives.bounded import check_ordinary
from negatives.errors import DataError, nearest_path
from negatives.read import datasets, delimited
from negatives.read.files import Lines, blocks, ending, unknown_format
from negatives.read.findings import Findings
from negatives.read.frames import parquet_frames, parquet_schema, readable, with_lists
from negatives.read.jsonl import JsonObjects
from negatives.read.mined.columns import SAMPLE, Column, of_dtype, of_series
from negatives.read.mined.flat import FlatRows
from negatives.read.mined.headers import INDEX, TREC_QRELS, TREC_RUN, Header, header_of, of_ids
from negatives.read.mined.json_rows import JsonReader, json_blocks, json_columns
from negatives.read.mined.layout import Layout
from negatives.read.mined.tables import TableRows
from negatives.read.split_files import files_by_split
from negatives.read.white_space import fields

FileType = Literal["parquet", "jsonl", "delimited", "trec", "datasets", "tables"]

BLOCK: Final = 32_768
"""Rows of a table."""

TYPES: Final[dict[str, FileType]] = {
    ".parquet": "parquet",
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".csv", ".tsv"), "delimited"),
    **dict.fromkeys((".trec", ".run", ".qrels", ".txt"), "trec"),
}


@dataclass(frozen=True)
class MinedSource:
    """A file: where it is, what type of file it is, what its columns hold, and their types.

    `schema`: name -> polars type, of a file that is a table. `header`: of a delimited one.
    `frames`: the tables, where they were handed in. `shards`: the files, where it is several that
    are read as one, one after the other; what is said of columns is then said of the first.
    """

    path: Path
    type: FileType
    columns: dict[str, Column]
    schema: dict[str, Any] = field(default_factory=dict)
    header: Header = field(default=Header(()))
    frames: Callable[[], Iterator[pl.DataFrame]] | None = None
    shards: tuple[MinedSource, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "" in self.columns:
            raise DataError(
                f"column {[*self.columns].index('') + 1} has no name",
                where=str(self.path),
                fix="name every column; an index is left out with index=False in pandas",
            )

    def rows(self, layout: Layout, findings: Findings) -> Iterator[FlatRows]:
        """The rows in order, some at a time, with the columns of `layout`."""
        if self.shards:
            yield from self._of_shards(layout, findings)
            return
        if self.type == "jsonl":
            yield from JsonReader(self.path, layout, findings)
            return
        unit = "line" if self.type in ("delimited", "trec") else "row"
        file = findings.file(self.path, unit)
        for table, row, line in self._numbered(layout.columns, findings):
            yield TableRows(row, line, file, str(self.path), table)

    @property
    def files(self) -> tuple[MinedSource, ...]:
        """The files, in order: its shards, or itself."""
        return self.shards or (self,)

    def _of_shards(self, layout: Layout, findings: Findings) -> Iterator[FlatRows]:
        """Rows are numbered on and on; by its line each is known in its own file."""
        done = 0
        for shard in self.shards:
            before = done
            for rows in shard.rows(layout, findings):
                yield replace(rows, row=rows.row + before)
                if len(rows.row):
                    done = before + int(rows.row[-1])

    def tables(self, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows of a table in order, at most `BLOCK` at a time; some columns, or all."""
        findings = Findings()
        names = [*self.schema] if columns is None else columns
        for file in self.files:
            for table, _, _ in file._numbered(names, findings):
                yield table
        findings.done()

    def _numbered(
        self, columns: list[str], findings: Findings
    ) -> Iterator[tuple[pl.DataFrame, pl.Series, pl.Series]]:
        """Tables with the numbers of their rows and lines."""
        if self.type in ("delimited", "trec"):
            read = self._delimited if self.type == "delimited" else self._trec
            for table, row, line in read(findings):
                for start in range(0, len(table), BLOCK):
                    some = table.slice(start, BLOCK).select(columns)
                    yield some, row.slice(start, BLOCK), line.slice(start, BLOCK)
            return
        done = 0
        for table in self._typed(columns):
            for part in table.iter_slices(BLOCK):
                row = pl.int_range(done + 1, done + len(part) + 1, dtype=pl.UInt32, eager=True)
                done += len(part)
                yield part, row, row

    def _typed(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        if self.type == "parquet":
            yield from parquet_frames(self.path, columns, BLOCK)
            return
        frames = self.frames() if self.frames else islice(arrow(self.path), 1, None)
        for frame in frames:
            yield frame.select(columns)

    def _delimited(self, findings: Findings) -> Iterator[tuple[pl.DataFrame, pl.Series, pl.Series]]:
        rows = delimited.records(self.path, delimited.separator(self.path), findings)
        if self.header.has_line:
            next(rows, None)
        yield from delimited.chunks(self.path, [*self.schema], rows, findings)

    def _trec(self, findings: Findings) -> Iterator[tuple[pl.DataFrame, pl.Series, pl.Series]]:
        yield from delimited.chunks(
            self.path, [*self.schema], _words(self.path, findings), findings
        )


def source(file: str | Path, named: Names[str] = ()) -> MinedSource:
    """What is at `file`; `DataError` when it is nothing that could hold pairs or negatives.

    `named`: names of columns that a user has said; a line that has one is a header.
    """
    path = Path(file)
    check_ordinary(path)
    if path.is_dir():
        return _folder(path, named)
    if not path.exists():
        if glob.has_magic(str(path)):
            return _shards(path, named)
        raise DataError("no such file or folder", where=str(file), fix=nearest_path(path))
    kind = TYPES.get(ending(path))
    if kind is None:
        raise unknown_format(
            path,
            f"pairs and mined files are read from {', '.join(TYPES)}, from a folder that "
            "`save_to_disk` of datasets wrote, and from a run directory",
        )
    if kind == "jsonl":
        return MinedSource(path, kind, _json_columns(path))
    if kind == "parquet":
        return parquet(path)
    return _text(path, kind, named)


def parquet(path: Path) -> MinedSource:
    """A Parquet file."""
    parquet_schema(path)  # says what is wrong with it
    with readable(path):
        scan = with_lists(pl.scan_parquet(path, glob=False))
        schema = dict(scan.collect_schema())
        head = scan.select(_simple(schema)).head(SAMPLE).collect()
    return MinedSource(path, "parquet", _described(schema, head), schema)


def tables(
    name: str, schema: dict[str, Any], frames: Callable[[], Iterator[pl.DataFrame]]
) -> MinedSource:
    """Tables handed in: their name for messages, their types, and a way to go through them."""
    head = next(frames(), pl.DataFrame(schema=schema)).select(_simple(schema)).head(SAMPLE)
    return MinedSource(Path(name), "tables", _described(schema, head), schema, frames=frames)


def _simple(schema: dict[str, Any]) -> list[str]:
    """Columns that may hold texts, of which a sample is looked at."""
    kinds = {name: of_dtype(name, dtype).holds for name, dtype in schema.items()}
    return [name for name, holds in kinds.items() if holds in ("text", "object")]


def _described(schema: dict[str, Any], head: pl.DataFrame) -> dict[str, Column]:
    return {
        name: of_series(head[name]) if name in head.columns else of_dtype(name, dtype)
        for name, dtype in schema.items()
    }


def _folder(path: Path, named: Names[str]) -> MinedSource:
    if datasets.is_saved(path):
        frames = arrow(path)
        schema = dict(next(frames).schema)
        head = next(frames, pl.DataFrame(schema=schema)).select(_simple(schema)).head(SAMPLE)
        return MinedSource(path, "datasets", _described(schema, head), schema)
    return _shards(path, named)


def _shards(path: Path, named: Names[str]) -> MinedSource:
    """The files of one split of a folder, or those that a pattern matches, as one."""
    by_split = files_by_split(path)
    split = "train" if len(by_split) > 1 else next(iter(by_split))
    others = ", ".join(sorted({*by_split} - {split}))
    if split not in by_split:
        raise DataError(
            f"there are several splits and none is named train: {others}",
            where=str(path),
            fix=f"name the files of one, as in '{path / sorted(by_split)[0]}*'",
        )
    opened = [source(file, named) for file in by_split[split]]
    if len(opened) == 1:
        return opened[0]
    first = opened[0]
    for other in opened[1:]:
        if ending(other.path) != ending(first.path):
            raise DataError(
                f"files of several types: {first.path.name}, {other.path.name}",
                where=str(path),
                fix=f"name those of one, as in '{path / '*'}{ending(first.path)}'",
            )
    notes = (f"of {path} the split train is read, not {others}",) if others else ()
    return replace(first, path=path, shards=tuple(opened), notes=notes)


def _json_columns(path: Path) -> dict[str, Column]:
    columns = json_columns(path)
    if not columns and next(blocks(path, 1 << 16), b"").strip():
        findings = Findings()
        every = JsonObjects(json_blocks(path), findings.file(path), dict, (), None, findings)
        for _ in every:
            pass
        findings.done()
        raise DataError(
            "every row is an object without names",
            where=str(path),
            fix="write one JSON object a line, as UTF-8",
        )
    return columns


# ---- text by the line ----------------------------------------------------------------------------


def _text(path: Path, kind: FileType, named: Names[str]) -> MinedSource:
    findings = Findings(set_aside=True)
    apart = delimited.separator(path)
    rows = _words(path, findings) if kind == "trec" else delimited.records(path, apart, findings)
    head = [row for _, row in islice(rows, SAMPLE)]
    if not head and findings.faults:
        _refuse_all_rows(path, apart)
    if kind == "trec":
        header = _trec_header(head, path)
    else:
        header = header_of(head, f"{path}, line 1", tabs=apart == "\t", named=named)
    schema = dict.fromkeys(header.names, pl.String())
    width = len(header.names)
    sample = [row for row in head[header.has_line :] if len(row) == width]
    table = pl.DataFrame(sample, schema=schema, orient="row")
    columns = {name: of_series(table[name]) for name in header.names if name != INDEX}
    return MinedSource(path, "trec" if header.is_trec else kind, columns, schema, header)


def _refuse_all_rows(path: Path, apart: str) -> None:
    """Raise what is wrong with the rows of a file of which not one can be read."""
    findings = Findings()
    for _ in delimited.records(path, apart, findings):
        pass
    findings.done()


def _trec_header(head: list[list[str]], path: Path) -> Header:
    width = len(head[0]) if head else len(TREC_QRELS)
    if width not in (len(TREC_RUN), len(TREC_QRELS)):
        raise DataError(
            f"line 1 has {width} columns: TREC's runs have six, its qrels four",
            where=str(path),
            fix="or end the name of the file in .jsonl, .csv, .tsv or .parquet, as it is"
            + of_ids(width, str(path)),
        )
    return Header(TREC_RUN if width == len(TREC_RUN) else TREC_QRELS, has_line=False)


def _words(path: Path, findings: Findings) -> Iterator[delimited.Row]:
    """Rows of columns apart by any white space."""
    lines = Lines(path, findings)
    for text in lines:
        row = fields(text)
        if row:
            yield lines.number, row


# ---- datasets ------------------------------------------------------------------------------------


def arrow(path: Path) -> Iterator[pl.DataFrame]:
    """An empty table with the columns, then the rows of a saved dataset (its train split)."""
    with datasets.library() as library, readable(path):
        saved = datasets.saved(library, path)
        if "train" not in saved and len(saved) > 1:
            raise DataError(
                f"there are several splits and none is named train: {', '.join(saved)}",
                where=str(path),
                fix=f"name the folder of one, as in {path / next(iter(saved))}",
            )
        yield from datasets.tables(saved.get("train") or next(iter(saved.values())), str(path))

"""A mined file written again without what the rules object to, whole or not at all.

Rows that nothing is wrong with are copied: byte for byte where the file is text by the line.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory  # noqa: TID251
from typing import IO, Any, Final, Literal, cast

import msgspec
import numpy as np
import polars as pl

from negatives.errors import InputError
from negatives.events import Emit, Progress, silent
from negatives.export.files import write_parquet
from negatives.measure.lint.findings import Report
from negatives.measure.lint.remedy import Remedy, mended, remedy
from negatives.read.datasets import library
from negatives.read.delimited import separator
from negatives.read.files import blocks, ending
from negatives.read.mined.json_rows import is_array, json_blocks
from negatives.read.mined.layout import Layout
from negatives.read.mined.source import MinedSource
from negatives.read.packing import plain_name
from negatives.read.quoting import is_quoted
from negatives.store.atomic import remove_abandoned, writing, writing_folder
from negatives.store.run import is_run


@dataclass(frozen=True)
class Fixed:
    """What a fix wrote, and what it left out: rows, and negatives (those of dropped rows too).

    >>> import polars as pl
    >>> from negatives import lint
    >>> columns = {"query": "why", "positive": "It is so.", "negative": ["it IS so", "No."]}
    >>> pl.DataFrame(columns).write_csv("mined.csv")
    >>> lint("mined.csv").fix("fixed.csv")
    Fixed(path='fixed.csv', rows=1, dropped_rows=1, removed_negatives=1)
    """

    path: str
    rows: int
    dropped_rows: int
    removed_negatives: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def fix(report: Report, out: str | Path, *, emit: Emit = silent) -> Fixed:
    """Write the file of `report` to `out`, in its own format, without what was objected to.

    Raises `InputError` where `out` is of another type or is the file itself, where the file is a
    run directory (pick again instead), or where nothing would be left.
    """
    mined, path = report.facts.mined, Path(out)
    _check(report, path)
    cure = remedy(report)
    rows = report.rows - len(cure.dropped)
    if not rows:
        raise InputError(
            "nothing would be left: something is wrong with every row",
            where=report.file,
            fix="mine again; `negatives lint` says what is wrong",
        )
    remove_abandoned(path)
    _WRITERS[mined.source.type](mined.source, path, _Cure(cure, mined.layout, emit, report.rows))
    return Fixed(str(out), rows, len(cure.dropped), cure.negatives)


def _check(report: Report, out: Path) -> None:
    source = report.facts.mined.source
    if is_run(Path(report.file)):
        raise InputError(
            "a run is not fixed but picked again",
            where=report.file,
            fix="negatives pick RUN, or lint an export of it",
        )
    if source.type == "tables":
        raise InputError(
            "a table that was handed over is not written again",
            where=report.file,
            fix="write it to a file, and lint that",
        )
    first = source.files[0].path
    if source.shards and any(each.schema != source.schema for each in source.shards):
        raise InputError(
            "the files have columns of different types, and would be one",
            where=report.file,
            fix="fix one at a time",
        )
    replaced = {file.path.resolve() for file in (source, *source.files)}
    if out.exists() and (out.resolve() in replaced or not out.is_file()):
        raise InputError(
            "the fixed file would replace the data", where=str(out), fix="name a new file"
        )
    if source.shards and _is_one_more(out, source):
        raise InputError(
            "the fixed file would be one more of the files that are read as one",
            where=str(out),
            fix="name one outside of the folder, or that the pattern does not match",
        )
    if plain_name(out) != out.name and not out.name.endswith(".gz"):
        raise InputError(
            f"a fixed file is written plain, or packed as .gz: it cannot end in {out.suffix}",
            where=str(out),
            fix=f"name it {plain_name(out)}",
        )
    if source.type != "datasets" and ending(out) != ending(first):
        raise InputError(
            f"the fixed file is of the same format: it cannot end in {out.suffix or 'nothing'}",
            where=str(out),
            fix=f"end it in {ending(first)}",
        )


def _is_one_more(out: Path, source: MinedSource) -> bool:
    """Whether `out` would be read with the files next time."""
    if source.path.is_dir():
        return out.resolve().parent in {file.path.resolve().parent for file in source.files}
    # Path.resolve leaves the marks of a pattern as they are; a file that is not there matches none.
    return fnmatchcase(str(out.resolve()), str(source.path.resolve()))


AT: Final = " row"
"""A name that no column of a file has."""


def numbered(table: pl.DataFrame, start: int) -> pl.DataFrame:
    """`table` with its rows numbered from `start`."""
    return table.with_columns(pl.int_range(start, start + len(table), dtype=pl.UInt32).alias(AT))


class _Cure:
    """What happens to each row, asked for by row numbers in order."""

    def __init__(self, cure: Remedy, layout: Layout, emit: Emit, rows: int) -> None:
        self._dropped = cure.dropped["row"].to_numpy()
        self._removed = cure.removed
        self._layout, self._emit, self._rows = layout, emit, rows

    def table(self, table: pl.DataFrame) -> pl.DataFrame:
        """A numbered table, cured."""
        self._emit(Progress("fix", table[AT][-1], self._rows, "rows"))
        kept = table.filter(~pl.Series(np.isin(table[AT].to_numpy(), self._dropped)))
        gone = self.gone(kept[AT])
        if not gone:
            return kept.drop(AT)
        ill = pl.col(AT).is_in([*gone])
        made = [
            mended(r, self._layout, gone[r[AT]]) for r in kept.filter(ill).iter_rows(named=True)
        ]
        cured = pl.DataFrame(made, schema=kept.schema)
        return pl.concat([kept.filter(~ill), cured]).sort(AT).drop(AT)

    def lines(self, lines: list[bytes], start: int) -> Iterator[bytes]:
        """Lines that are rows from number `start` on, cured."""
        self._emit(Progress("fix", start + len(lines) - 1, self._rows, "rows"))
        numbers = pl.int_range(start, start + len(lines), dtype=pl.UInt32, eager=True)
        dropped = np.isin(numbers.to_numpy(), self._dropped)
        gone = self.gone(numbers)
        for number, line in enumerate(lines, start):
            if number in gone:
                record = msgspec.json.decode(line)
                yield msgspec.json.encode(mended(record, self._layout, gone[number])) + b"\n"
            elif not dropped[number - start]:
                yield line if line.endswith(b"\n") else line + b"\n"

    def gone(self, rows: pl.Series) -> dict[int, set[int]]:
        """Row -> places of the negatives it loses, for some rows in order."""
        if rows.is_empty():
            return {}
        here = self._removed.filter(pl.col("row").is_between(rows[0], rows[-1]))
        grouped = here.group_by("row").agg("place")
        return {row: set(places) for row, places in grouped.iter_rows()}


def _tables(source: MinedSource, cure: _Cure) -> Iterator[pl.DataFrame]:
    start = 1
    for table in source.tables():
        yield cure.table(numbered(table, start))
        start += len(table)


def _parquet(source: MinedSource, out: Path, cure: _Cure) -> None:
    with writing(out) as temporary:
        write_parquet(temporary, pl.Schema(source.schema), _tables(source, cure))


def _delimited(source: MinedSource, out: Path, cure: _Cure) -> None:
    apart = separator(source.files[0].path)
    literal = apart == "\t" and not any(is_quoted(file.path) for file in source.files)
    quoting: Literal["never", "necessary"] = "never" if literal else "necessary"
    with writing(out) as temporary, _writable(temporary, out) as file:
        if source.header.has_line:
            pl.DataFrame(schema=source.schema).write_csv(file, separator=apart)
        for table in _tables(source, cure):
            table.write_csv(file, separator=apart, include_header=False, quote_style=quoting)


def _lines(source: MinedSource, out: Path, cure: _Cure) -> None:
    with writing(out) as temporary, _writable(temporary, out) as file:
        file.writelines(_cured_lines(_of_all(source, blocks), cure))


def _json(source: MinedSource, out: Path, cure: _Cure) -> None:
    if not any(is_array(file.path) for file in source.files):
        _lines(source, out, cure)
        return
    with writing(out) as temporary, _writable(temporary, out) as file:
        before = b"[\n"
        for line in _cured_lines(_of_all(source, json_blocks), cure):
            file.write(before + line.rstrip(b"\n"))
            before = b",\n"
        file.write(b"\n]\n")


def _of_all(source: MinedSource, read: Callable[[Path], Iterator[bytes]]) -> Iterator[bytes]:
    return chain.from_iterable(read(file.path) for file in source.files)


def _cured_lines(some: Iterator[bytes], cure: _Cure) -> Iterator[bytes]:
    start = 1
    for block in some:
        lines = [line for line in block.splitlines(keepends=True) if line.strip()]
        yield from cure.lines(lines, start)
        start += len(lines)


def _datasets(source: MinedSource, out: Path, cure: _Cure) -> None:
    with writing_folder(out) as saved, TemporaryDirectory(dir=saved) as folder:
        table = Path(folder) / "rows.parquet"
        write_parquet(table, pl.Schema(source.schema), _tables(source, cure))
        with library() as datasets:
            made = datasets.Dataset.from_parquet(str(table), cache_dir=folder)
            made.save_to_disk(str(saved))


@contextmanager
def _writable(temporary: Path, out: Path) -> Iterator[IO[bytes]]:
    """The temporary file, open; packed where `out` is."""
    if out.name.endswith(".gz"):
        # Without a name and a time, the same rows are the same bytes.
        with temporary.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, 0) as packed:
            yield cast(IO[bytes], packed)
    else:
        with temporary.open("wb") as file:
            yield file


_WRITERS: Final[dict[str, Callable[[MinedSource, Path, _Cure], None]]] = {
    "parquet": _parquet,
    "jsonl": _json,
    "delimited": _delimited,
    "trec": _lines,
    "datasets": _datasets,
}

"""Rows of a CSV or TSV file, each with the line it ends on; quoting is as `quoting.py` says."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from negatives.read.files import Lines, ending
from negatives.read.findings import (
    BAD_QUOTES,
    HEADER_AGAIN,
    NOT_UTF8,
    RAGGED,
    STRAY_RETURN,
    Fault,
    Findings,
)
from negatives.read.quoting import GLUED, Glue, is_quoted

CHUNK: Final = 100_000
"""Rows turned into a table at a time."""

LONGEST_FIELD: Final = 1 << 27
"""Characters of one field; Python's own limit, 131,072, is less than a long document."""

Row = tuple[int, list[str]]


def separator(path: Path) -> str:
    """What separates the columns of a file, by its ending."""
    return "\t" if ending(path) == ".tsv" else ","


def records(path: Path, delimiter: str, findings: Findings) -> Iterator[Row]:
    """(line, fields) of every row that is not blank; malformed quoting is reported."""
    if csv.field_size_limit() < LONGEST_FIELD:
        csv.field_size_limit(LONGEST_FIELD)
    if delimiter == "\t" and not is_quoted(path):
        return _plain(path, delimiter, findings)
    return _quoted(path, delimiter, findings)


def _plain(path: Path, delimiter: str, findings: Findings) -> Iterator[Row]:
    """Rows that are lines: a quotation mark is a character."""
    lines = Lines(path, findings)
    for line in lines:
        text = line.removesuffix("\n").removesuffix("\r")
        row = text.split(delimiter)
        if text and not holds_nothing(row, findings):
            yield lines.number, row


def holds_nothing(row: list[str], findings: Findings) -> bool:
    """Whether a row is separators alone, as spreadsheets write an empty line; then it is noted.

    It is read like a blank line: with an empty text in each column it would be a pair of them.
    """
    if len(row) < 2 or row[0].strip() or any(map(str.strip, row)):  # mostly the first says it
        return False
    findings.note(
        "{n} row holds nothing but separators: it is left out",
        "{n} rows hold nothing but separators: they are left out",
        1,
    )
    return True


def _quoted(path: Path, delimiter: str, findings: Findings) -> Iterator[Row]:
    lines = _Taken(path, findings)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    glue = Glue(path, delimiter)
    while True:
        lines.taken.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if str(error).startswith("new-line character"):  # so Python calls what is no line end
                lines.report(STRAY_RETURN, "a carriage return, and text after it")
            else:
                lines.report(BAD_QUOTES, str(error))
            continue
        if lines.broken:
            lines.report(NOT_UTF8, "a line of the row is not UTF-8")
        elif len(lines.taken) > 1 and glue.holds(row):
            last = lines.taken[-1][0]
            lines.report(GLUED, f"a quotation mark opens here, and the next one is in line {last}")
        elif row and not holds_nothing(row, findings):
            yield lines.number, row


class _Taken:
    """The lines of a file, and which of them have been read for the row at hand."""

    def __init__(self, path: Path, findings: Findings) -> None:
        self._lines, self._findings = Lines(path, findings), findings
        self._file = findings.file(path)
        self.taken: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.taken.append((self._lines.number, line))
            yield line

    @property
    def number(self) -> int:
        """The number of the last line."""
        return self._lines.number

    @property
    def broken(self) -> bool:
        """Whether a line inside of the row is missing: it was reported as no UTF-8."""
        return bool(self.taken) and self.taken[-1][0] - self.taken[0][0] >= len(self.taken)

    def report(self, fault: Fault, reason: str) -> None:
        """Report every line that was read for the row: all of them are set aside."""
        first = self.taken[0][0]
        for number, line in self.taken:
            said = reason if number == first else f"of the row that begins in line {first}"
            self._findings.add(fault, self._file, number, said, line.rstrip("\r\n"))
            self._findings.enough()


def chunks(
    path: Path,
    header: list[str],
    rows: Iterator[Row],
    findings: Findings,
    written: list[str] | None = None,
) -> Iterator[tuple[pl.DataFrame, pl.Series, pl.Series]]:
    """Tables of `rows`: the columns of `header` as strings; numbers of the rows, from 1, and lines.

    A row of another width is reported, and so is the header where it comes again. `written`: the
    header as the file has it, where that names its columns otherwise.
    """
    written = header if written is None else written
    file = findings.file(path)
    width, done = len(header), 0
    while chunk := list(islice(rows, CHUNK)):
        kept, at, lines = [], [], []
        for number, (line, row) in enumerate(chunk, done + 1):
            if row == written:
                findings.add(HEADER_AGAIN, file, line, "the names of the columns", row)
            elif len(row) == width:
                kept.append(row)
                at.append(number)
                lines.append(line)
            else:
                reason = f"{len(row)} columns, where the first line has {width}"
                findings.add(RAGGED, file, line, reason, row)
        done += len(chunk)
        findings.enough()
        table = pl.DataFrame(kept, schema=dict.fromkeys(header, pl.String), orient="row")
        yield table, pl.Series(at, dtype=pl.UInt32), pl.Series(lines, dtype=pl.UInt32)

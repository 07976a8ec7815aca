"""What a quotation mark means in a CSV or TSV file: the border of a field, or a character.

In a CSV file it is a border, by the usual rules. A TSV file mostly comes from tools without
quoting, so there it is a character, unless every field that has one is wrapped in them, as
libraries that quote write it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from negatives.read.files import Lines, blocks
from negatives.read.findings import Fault, Findings

GLUED: Final = Fault(
    "glued-rows",
    "row is glued to others by stray quotation marks",
    "rows are glued together by stray quotation marks",
    'write a quotation mark that is a character as "" inside a quoted field, or save as JSON lines',
)

_WRAPPED: Final = re.compile(rb'"(?:[^"]|"")*"')


def is_quoted(path: Path) -> bool:
    """Whether the fields of a TSV file are quoted; else a quotation mark is a character."""
    if not any(b'"' in block for block in blocks(path)):
        return False  # without looking at lines: a file is asked about more than once
    tabs: int | None = None
    quoted, wrapped, even = False, True, True
    for block in blocks(path):
        for line in block.replace(b"\r\n", b"\n").split(b"\n"):
            if not line:
                continue
            count = line.count(b"\t")
            tabs = count if tabs is None else tabs
            even = even and count == tabs
            if b'"' in line:
                quoted = True
                marked = (field for field in line.split(b"\t") if b'"' in field)
                wrapped = wrapped and all(map(_WRAPPED.fullmatch, marked))
    if not quoted or wrapped:
        return quoted
    # Rows by the line are all of one width, or a line end is inside of a quoted field.
    return not even and tabs is not None and _widths(path, "\t") == {tabs + 1}


def _widths(path: Path, delimiter: str) -> set[int]:
    """How many fields rows have by the rules of quoting; none where the rules do not hold."""
    try:
        return {len(row) for row in _rows(path, delimiter) if row}
    except csv.Error:
        return set()


def _rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(Lines(path, Findings(set_aside=True)), delimiter=delimiter, strict=True)


class Glue:
    """Whether a row of a CSV file is several rows that stray quotation marks glue into one.

    A quotation mark that opens in column k of one row and closes in column k of a later one leaves
    as many separators in the lines between as a row has. Separators in prose have a space after.
    """

    def __init__(self, path: Path, delimiter: str) -> None:
        self._path, self._delimiter = path, delimiter

    def holds(self, row: list[str]) -> bool:
        """Whether a field of `row` holds whole rows of the file.

        Two rows without one between them may be a text of two lines as well, so they are glued only
        where no text of the file has lines of its own.
        """
        found = [lines for column in range(len(row)) if (lines := self._rows_in(row, column))]
        return bool(found) and (max(found) > 2 or not self._texts_have_lines)

    def _rows_in(self, row: list[str], column: int) -> int:
        """How many rows a field is by its separators; 0 where it is a text."""
        width = len(row) - 1
        if not width or "\n" not in row[column]:
            return 0
        first, *between, last = (_bare(line, self._delimiter) for line in row[column].split("\n"))
        whole = first == width - column and last == column and {*between} <= {width}
        return 2 + len(between) if whole else 0

    @cached_property
    def _texts_have_lines(self) -> bool:
        rows = _rows(self._path, self._delimiter)
        with suppress(csv.Error):
            for row in rows:
                if any("\n" in text and not self._rows_in(row, at) for at, text in enumerate(row)):
                    return True
        return False


def _bare(line: str, delimiter: str) -> int:
    """Separators without white space after them."""
    return len(re.findall(rf"{delimiter}(?=\S)", line))

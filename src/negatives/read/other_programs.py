"""Files of other programs that hold tables and are not read: what to save them as instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from negatives.errors import DataError

_SHEET: Final = "save the sheet as CSV in UTF-8: one table, whose first line names the columns"
_TABLE: Final = "write the table as Parquet, or as CSV"
_INSTEAD: Final = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"), _SHEET),
    **dict.fromkeys((".feather", ".arrow", ".ipc", ".orc", ".avro", ".h5", ".hdf5"), _TABLE),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3", ".duckdb"), _TABLE),
    **dict.fromkeys((".pkl", ".pickle"), f"{_TABLE}: pickles can run code, and are never read"),
}
_WORKBOOK: Final = re.compile(
    rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    rb"|PK\x03\x04.{26}(\[Content_Types\]\.xml|_rels/|xl/|mimetypeapplication/vnd\.oasis)",
    re.DOTALL,
)
HEAD: Final = 128
"""Bytes of a file that tell whether it is a workbook."""


def instead_of(path: Path) -> str:
    """What to save a file as, by the ending of its name; empty where nothing is known of it."""
    return _INSTEAD.get(path.suffix.lower(), "")


def refuse_workbook(path: Path, head: bytes) -> None:
    """Raise `DataError` where a file begins as those of a spreadsheet program do."""
    if _WORKBOOK.match(head):
        raise DataError(
            "the file is of an office program, and holds no plain text", where=str(path), fix=_SHEET
        )

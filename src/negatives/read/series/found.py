"""Which files hold time series, and of which split each is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from negatives.errors import DataError
from negatives.read.files import blocks, ending, matching, stem

ENDING: Final = ".ts"
_PART: Final = re.compile(r"(?i)^(.*)_(train|test)$")
"""How the archives call the two files of a data set."""
_TABLE: Final = re.compile(rb"\S+(\t[ ]*([-+]?[\d.]+([eE][-+]?\d+)?|NaN))+[\t ]*\r?(\n|$)")
FEWEST: Final = 8
"""Values of a row by which a table without a header is known for one of series."""
_HEAD: Final = 1 << 16


def is_series(path: Path) -> bool:
    """Whether a file, or a folder, holds time series."""
    if path.is_dir():
        return bool(_in(path))
    return ending(path) == ENDING or (_PART.match(stem(path)) is not None and _is_table(path))


def splits_of(path: Path) -> dict[str, Path]:
    """The file of each split: train where its name tells none; a file alone is one split.

    `DataError` where a folder holds several data sets.
    """
    if not path.is_dir():
        return {_split(path): path}
    made: dict[str, Path] = {}
    for file in _in(path):
        split = _split(file)
        if split in made:
            raise DataError(
                f"the folder holds several data sets: {made[split].name} and {file.name}",
                where=str(path),
                fix=f"name one of the files, such as {file}",
            )
        made[split] = file
    return made


def beside(path: Path, split: str) -> Path | None:
    """The file of another split of the same data set, in the same folder; None: there is none."""
    match = _PART.match(stem(path))
    if match is None:
        return None
    found = matching(path.parent, f"{match[1].lower()}_{split}{ending(path)}")
    return found[0] if found else None


def _in(folder: Path) -> list[Path]:
    """The files of series in a folder: those of the format, else the tables."""
    return [path for path in matching(folder, "*.ts") if _is_ts(path)] or [
        path for path in matching(folder, "*_train.tsv", "*_test.tsv") if _is_table(path)
    ]


def _split(path: Path) -> str:
    match = _PART.match(stem(path))
    return "train" if match is None else match[2].lower()


def _is_ts(path: Path) -> bool:
    """Whether the first line that is no comment names a field of the header."""
    lines = (line.strip() for line in _head(path).splitlines())
    return next((line for line in lines if line and line[:1] not in b"#%"), b"").startswith(b"@")


def _is_table(path: Path) -> bool:
    first = _head(path).split(b"\n", 1)[0]
    return first.count(b"\t") >= FEWEST and _TABLE.match(first) is not None


def _head(path: Path) -> bytes:
    try:
        return next(blocks(path, _HEAD), b"")
    except DataError:
        return b""

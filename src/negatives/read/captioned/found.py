"""Which files hold captions of images, which columns those are, and of which split a file is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from negatives.errors import DataError
from negatives.read.delimited import records, separator
from negatives.read.files import ending, matching
from negatives.read.findings import Findings
from negatives.read.jsonl import first_records
from negatives.read.mined.names import plain

IMAGE: Final = re.compile(r"(?i)\.(jpe?g|png|webp|gif|bmp|tiff?)$")
"""How the name of a file of an image ends."""
CAPTIONS: Final = (
    *("caption", "captions", "sentence", "sentences", "title", "name", "text", "description"),
)
NEGATIVES: Final = (
    *("negative_caption", "negative_captions", "hard_negative", "hard_negatives", "negative"),
    *("negatives", "foil", "foils"),
)
_OF_PAIRS: Final = frozenset(("query", "question", "anchor", "positive", "pos", "query_id", "user"))
"""Names of columns that other files have, and one of captions has not."""
TABLES: Final = (".csv", ".tsv")
LINES: Final = (".jsonl", ".ndjson")
_SPLIT: Final = re.compile(r"(train|dev|test|validation|valid|val)(?![a-z])", re.IGNORECASE)


def is_captioned(path: Path) -> bool:
    """Whether a file, or each file of rows in a folder, is one of captions of images."""
    files = _files(path)
    return bool(files) and all(columns_of(file) is not None for file in files)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return matching(path, *(f"*{end}" for end in (*LINES, *TABLES)))


def by_split(path: Path) -> dict[str, list[Path]]:
    """The files of each split: train where their names tell none."""
    made: dict[str, list[Path]] = {}
    for file in _files(path):
        match = _SPLIT.match(file.name)
        made.setdefault(match[1].lower() if match else "train", []).append(file)
    return made


def columns_of(path: Path) -> dict[str, str] | None:
    """The columns of the image, the captions and the wrong captions; None: no file of captions."""
    try:
        first = _first(path)
    except DataError:
        return None
    if not first or any(plain(name) in _OF_PAIRS for row in first for name in row):
        return None
    there = {name: [row[name] for row in first if row.get(name)] for row in first for name in row}
    images = [
        name
        for name, values in there.items()
        if plain(name) not in (*CAPTIONS, *NEGATIVES)
        and values
        and all(isinstance(each, str) and IMAGE.search(each) for each in values)
    ]
    known = {plain(name): name for name in reversed(there)}
    caption = next((known[name] for name in CAPTIONS if name in known), None)
    if len(images) != 1 or caption is None:
        return None
    made = {"image": images[0], "caption": caption}
    negative = next((known[name] for name in NEGATIVES if name in known), None)
    return made if negative is None else made | {"negative": negative}


def _first(path: Path) -> list[dict[str, Any]]:
    """The first rows of a file, as far as they can be read."""
    if ending(path) in LINES:
        return first_records(path)
    if ending(path) not in TABLES:
        return []
    rows = records(path, separator(path), Findings(set_aside=True))
    header = next(rows, (0, []))[1]
    some = [row for (_, row), _ in zip(rows, range(50), strict=False)]
    if len(set(header)) < len(header):
        return []
    return [dict(zip(header, row, strict=True)) for row in some if len(row) == len(header)]

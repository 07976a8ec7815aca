"""Whether a file or a folder holds responses, by the first row of each file and by names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from negatives.read.files import blocks, ending, matching, stem
from negatives.read.jsonl import UNDECODED
from negatives.read.responses.shapes import is_known, is_plain

ENDINGS: Final = (".jsonl", ".ndjson", ".json", ".parquet")
_FORGET: Final = re.compile(r"forget[_-]?(.*)")
_HEAD: Final = 1 << 20


def is_responses(path: Path) -> bool:
    """Whether a file, or a folder, holds responses of a shape that pair files do not have."""
    if not path.is_dir():
        return ending(path) in ENDINGS and is_known(_head(path))
    files = files_of(path)
    if any(asks_to_forget(file) and is_plain(_head(file)) for file in files):
        return True
    return any(is_known(_head(file)) for file in files)


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that may hold responses, in name order."""
    return matching(folder, *(f"*{each}" for each in ENDINGS))


def asks_to_forget(file: Path) -> bool:
    """By its name; a file that says of each response whether it is right says it itself."""
    return _FORGET.fullmatch(stem(file).lower()) is not None and not is_known(_head(file))


def kept_beside(file: Path, there: Mapping[str, Path]) -> Path | None:
    """The file of what is kept where this one is forgotten."""
    found = _FORGET.fullmatch(stem(file).lower())
    if found is None or not asks_to_forget(file):
        return None
    word = found[1]
    words = [word, f"{100 - int(word):02d}"] if word.isdecimal() else [word]
    for each in words:
        for name in (f"retain{each}", f"retain_{each}", f"retain-{each}"):
            if name in there:
                return there[name]
    return None


@cache
def _head_of(path: Path, _changed: int) -> dict[str, Any]:
    if ending(path) == ".parquet":
        try:
            rows = pl.scan_parquet(path).head(1).collect().to_dicts()
        except (OSError, pl.exceptions.PolarsError):
            return {}
        return rows[0] if rows else {}
    first = next(blocks(path, _HEAD), b"").lstrip()
    if first.startswith(b"["):
        try:
            rows = msgspec.json.decode(b"".join(blocks(path)))
        except UNDECODED:
            return {}
        return rows[0] if rows and isinstance(rows[0], dict) else {}
    try:
        row = msgspec.json.decode(first.split(b"\n", 1)[0])
    except UNDECODED:
        return {}
    return row if isinstance(row, dict) else {}


def _head(path: Path) -> dict[str, Any]:
    """The first row of a file, without what it lacks; nothing where that cannot be told."""
    row = _head_of(path, path.stat().st_mtime_ns)
    return {key: value for key, value in row.items() if value is not None}

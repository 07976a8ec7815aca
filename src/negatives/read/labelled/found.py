"""Which files of a folder hold rows with labels, and of which split each is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negatives.errors import DataError
from negatives.read.files import ending, first_existing, matching
from negatives.read.labelled.labels import LABEL_FILES
from negatives.read.labelled.rows import ROW_ENDINGS, has_labels
from negatives.read.labelled.sparse import is_sparse

_SPLIT: Final[Mapping[str, str]] = {
    "train": "train", "trn": "train", "test": "test", "tst": "test", "dev": "dev", "val": "val",
    "valid": "valid", "validation": "validation",
}  # fmt: skip
"""What the name of a file begins with, and the split that it is of."""
_BEGINS: Final = re.compile(rf"({'|'.join(sorted(_SPLIT, key=len, reverse=True))})(?![a-z])", re.I)


@dataclass(frozen=True, slots=True)
class SplitFile:
    """The file of a split, and how its name begins: `trn` where it is `trn_X_Y.txt`."""

    path: Path
    begins: str
    sparse: bool


def is_labelled(path: Path) -> bool:
    """Whether a folder, or a file, holds rows with labels."""
    return bool(splits_of(path)) if path.is_dir() else _has(path, known=False)


def _has(path: Path, *, known: bool) -> bool:
    if ending(path) == ".txt":
        return is_sparse(path)
    return ending(path) in ROW_ENDINGS and has_labels(path, known=known)


def splits_of(path: Path) -> dict[str, SplitFile]:
    """The files of rows with labels, by split; `DataError` where a split has two."""
    if not path.is_dir():
        begins = _BEGINS.match(path.name)
        begun = begins[1].lower() if begins else ""
        return {_SPLIT.get(begun, "train"): SplitFile(path, begun, ending(path) == ".txt")}
    made: dict[str, SplitFile] = {}
    listed = first_existing(path, *LABEL_FILES)
    for file in matching(path, *(f"*{end}" for end in (*ROW_ENDINGS, ".txt"))):
        match = _BEGINS.match(file.name)
        if match is None or file == listed or not _has(file, known=listed is not None):
            continue
        split = _SPLIT[match[1].lower()]
        if split in made:
            raise DataError(
                f"the split {split!r} has two files: {made[split].path.name} and {file.name}",
                where=str(path),
                fix="keep the one that is meant",
            )
        made[split] = SplitFile(file, match[1].lower(), ending(file) == ".txt")
    return made

"""Which files of rows make one split: one file, several named by a pattern, or those of a folder.

In a folder, files whose names begin with train, dev, test, validation, valid, val or eval belong
to that split; all others are the split train.
"""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Final

from negatives.errors import DataError
from negatives.read.address import PAIR_ENDINGS, pair_files
from negatives.read.files import ending

_SPLIT: Final = re.compile(r"(train|dev|test|validation|valid|val|eval)(?![a-z])", re.IGNORECASE)


def files_by_split(path: Path) -> dict[str, list[Path]]:
    """The files of each split, in the order of their names; `DataError` where there is none."""
    if path.is_dir():
        files = pair_files(path)
    elif path.exists():
        return {"train": [path]}
    else:
        found = glob.glob(str(path), recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
        files = sorted(map(Path, found))
        files = [each for each in files if ending(each) in PAIR_ENDINGS and not each.is_dir()]
    if not files:
        raise DataError("no file matches", where=str(path), fix="check the pattern")
    made: dict[str, list[Path]] = {}
    for each in files:
        match = _SPLIT.match(each.name)
        made.setdefault(match[1].lower() if match else "train", []).append(each)
    return made


def names_a_split(path: Path) -> bool:
    """Whether the file's own name says which split it is of."""
    return _SPLIT.match(path.name) is not None

"""Whether the weights in a model's folder are whole, before a library says so in its own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from negatives.bounded import read_json
from negatives.errors import DataError

_LONGEST: Final = 100_000_000
"""Bytes of the head of a safetensors file, as its format allows."""
_INDEX: Final = "*.safetensors.index.json"
_MEND: Final = "copy or download the model again"


def check_weights(folder: Path) -> None:
    """Raise `DataError` where a safetensors file of a folder is cut, or one of several is gone."""
    for path in sorted(folder.rglob("*.safetensors")):
        if path.is_file():
            _refuse_cut(path)
    for path in sorted(folder.rglob(_INDEX)):
        index = read_json(path, _LONGEST)
        parts = index.get("weight_map") if isinstance(index, dict) else None
        for name in sorted(set(map(str, parts.values())) if isinstance(parts, dict) else ()):
            if not (path.parent / name).is_file():
                raise DataError(
                    f"a file of the weights is not there: {name}", where=str(path), fix=_MEND
                )


def _refuse_cut(path: Path) -> None:
    """The head of a file, of so many bytes as its first eight say, tells how long the file is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = int.from_bytes(file.read(8), "little")
        wanted = 8 + head
        if head <= min(_LONGEST, size - 8):
            try:
                tensors = json.loads(file.read(head))
            except ValueError:
                what = "the weights are no safetensors: their head is no JSON"
                raise DataError(what, where=str(path), fix=_MEND) from None
            wanted += max(map(_end, tensors.values()), default=0)
    if size != wanted:
        raise DataError(
            f"the weights are not whole: {size:,} bytes of {wanted:,}", where=str(path), fix=_MEND
        )


def _end(tensor: Any) -> int:
    """Where a tensor ends in the file, behind the head; 0 of what is no tensor."""
    offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
    sound = isinstance(offsets, list) and all(isinstance(each, int) for each in offsets)
    return max(offsets, default=0) if sound and offsets else 0

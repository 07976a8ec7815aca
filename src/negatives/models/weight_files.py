"""Whether the weights in a model's folder are whole, before a library says so in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from negatives.bounded import read_json
from negatives.errors import DataError
from negatives.store.headers import LONGEST_SAFETENSORS, promised_tensors

_INDEX: Final = "*.safetensors.index.json"
_MEND: Final = "copy or download the model again"


def check_weights(folder: Path) -> None:
    """Raise `DataError` where a safetensors file of a folder is cut, or one of several is gone."""
    for path in sorted(folder.rglob("*.safetensors")):
        if path.is_file():
            _refuse_cut(path)
    for path in sorted(folder.rglob(_INDEX)):
        index = read_json(path, LONGEST_SAFETENSORS)
        parts = index.get("weight_map") if isinstance(index, dict) else None
        for name in sorted(set(map(str, parts.values())) if isinstance(parts, dict) else ()):
            if not (path.parent / name).is_file():
                raise DataError(
                    f"a file of the weights is not there: {name}", where=str(path), fix=_MEND
                )


def _refuse_cut(path: Path) -> None:
    size = path.stat().st_size
    try:
        _, wanted = promised_tensors(path)
    except DataError as error:
        _, _, why = error.what.partition(": ")
        raise DataError(f"the weights cannot be read: {why}", where=str(path), fix=_MEND) from None
    if size != wanted:
        raise DataError(
            f"the weights are not whole: {size:,} bytes of {wanted:,}", where=str(path), fix=_MEND
        )

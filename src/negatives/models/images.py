"""Images from files, as small squares of numbers."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Keys
from negatives.errors import DataError
from negatives.optional import require
from negatives.read.images import opened

Pixels = NDArray[np.uint8]

FIRST: Final = 5
_BLOCK: Final = 1 << 20


def squares(paths: Sequence[str], size: int, *, cut: bool = False) -> Pixels:
    """uint8[paths, size, size, 3]: red, green and blue of each image, scaled to a square.

    With `cut` the shorter side is scaled, and the middle of the longer one kept.
    Transparent parts are white, as on a page; turned photographs are turned back; no path ("") is
    a white square. Raises `DataError` for a file that is no image, or that claims to be one of more
    pixels than pillow holds for safe (90 million).
    """
    made = np.full((len(paths), size, size, 3), 255, np.uint8)
    for row, path in enumerate(paths):
        if path:
            image = opened(path)
            fit = require("PIL.ImageOps", extra="images").fit if cut else type(image).resize
            made[row] = np.asarray(fit(image, (size, size), _bicubic()))
    return made


def jpeg(path: str, largest: int, quality: int) -> bytes:
    """An image as JPEG, neither side longer than `largest` pixels; `DataError` as for `opened`."""
    image = opened(path)
    image.thumbnail((largest, largest))
    made = io.BytesIO()
    image.save(made, "JPEG", quality=quality)
    return made.getvalue()


def _bicubic() -> Any:
    return require("PIL.Image", extra="images").Resampling.BICUBIC


def file_keys(paths: Iterable[str]) -> Keys:
    """uint64[n, 2]: the blake2b-128 hash of what each file holds; without one, of nothing."""
    hashes = b"".join(_hash(path) for path in paths)
    return np.frombuffer(hashes, "<u8").reshape(-1, 2)


def _hash(path: str) -> bytes:
    made = hashlib.blake2b(digest_size=16, person=b"image")
    if path:
        with Path(path).open("rb") as file:
            while block := file.read(_BLOCK):
                made.update(block)
    return made.digest()


def check_there(paths: pl.Series, ids: pl.Series, what: str) -> None:
    """Raise `DataError` listing the first of the `what` (corpus, queries) whose file is missing."""
    missing = pl.Series([path != "" and not Path(path).is_file() for path in paths])
    if missing.any():
        listed = ", ".join(map(repr, ids.filter(missing)[:FIRST]))
        raise DataError(
            f"{int(missing.sum()):,} of {len(ids):,} images of the {what} are not there: {listed}",
            where=str(paths.filter(missing)[0]),
            fix="put the images where their paths say; a relative path begins at the folder of the "
            "file that names it",
        )

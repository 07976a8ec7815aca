"""Files of images: how one is opened, and which of a collection's cannot be."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.errors import DataError
from negatives.optional import require
from negatives.read.findings import FIRST
from negatives.schema import Collection, Side

FIX: Final = "replace it by a sound PNG, JPEG or WebP file, or take its row out"
FIX_EACH: Final = "replace each by a sound PNG, JPEG or WebP file, or take their rows out"
_SAID: Final = "the image cannot be read: "


def opened(path: str) -> Any:
    """An image of pillow in red, green and blue on white; `DataError` where it cannot be read."""
    library = require("PIL.Image", extra="images")
    ops = require("PIL.ImageOps", extra="images")
    bombs = library.DecompressionBombError, library.DecompressionBombWarning
    try:
        if Path(path).stat().st_size == 0:
            raise ValueError("the file is empty")
        with warnings.catch_warnings():
            warnings.simplefilter("error", library.DecompressionBombWarning)
            with library.open(path) as image:
                turned = _of_eight_bits(ops.exif_transpose(image), image.format).convert("RGBA")
    except (OSError, SyntaxError, ValueError, *bombs) as error:
        raise DataError(f"{_SAID}{_why(error)}", where=path, fix=FIX) from None
    white = library.new("RGBA", turned.size, "white")
    return library.alpha_composite(white, turned).convert("RGB")


def unreadable(collection: Collection) -> list[dict[str, Any]]:
    """What is wrong with the images of each side, as plain values; none where all can be read.

    Every image is opened and read to its end, for a file that was cut off looks sound until then.
    """
    problems = []
    sides: tuple[Side, ...] = ("docs", "queries")
    for side in sides:
        if not collection.has(side, "image"):
            continue
        paths = collection.image_paths(side)
        told = {path: _fault(path) for path in paths.unique(maintain_order=True) if path}
        bad = [path for path in paths if told.get(path)]
        if bad:
            problems.append(
                {
                    "kind": "unreadable-image",
                    "what": f"{len(bad):,} of {len(paths):,} "
                    f"{'image' if len(paths) == 1 else 'images'} cannot be read",
                    "count": len(bad),
                    "first": [{"file": path, "reason": told[path]} for path in bad[:FIRST]],
                    "fix": FIX if len(bad) == 1 else FIX_EACH,
                }
            )
    return problems


def _fault(path: str) -> str:
    """Why an image cannot be read; empty where it can."""
    try:
        opened(path)
    except DataError as error:
        return error.what.removeprefix(_SAID)
    return ""


def _why(error: BaseException) -> str:
    """What pillow says, without the path, which is told beside it."""
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is no image that pillow knows"
    return str(error)


def _of_eight_bits(image: Any, format: str | None) -> Any:
    """Grey of 16 bits scaled to 8, which pillow would cut off at 255: nearly all of it was white.

    `ValueError` for numbers of which nothing says which one is white.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and format == "PNG"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return require("PIL.Image", extra="images").fromarray(grey)
    if image.mode in ("I", "F"):
        raise ValueError(f"nothing says which of its numbers is white (mode {image.mode})")
    return image

"""What towers are trained with: both sides of a collection as pieces and pixels, by row."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.models.images import check_there, squares
from negatives.models.tower_modules import Shape, Towers
from negatives.models.towers import CONTENTS
from negatives.optional import Tensor, torch
from negatives.schema import Collection, Rows, Side

Numbers = NDArray[Any]
"""Pieces of texts, int64[n, longest], or pixels, uint8[n, size, size, 3]."""

_BLOCK: Final = 512


class Pictured(Towers):
    """Towers, and a collection whose rows they encode.

    Images are made small once, into an unnamed temporary file (3 bytes for each of size^2 pixels),
    so that memory does not grow with their number.
    """

    def __init__(self, shape: Shape, table: Floats) -> None:
        super().__init__(shape, table)
        self._sides: dict[Side, Numbers] = {}
        self._contents: dict[Side, str] = {}

    def fit(self, collection: Collection) -> None:
        """Have the contents of every row of a collection."""
        sides: tuple[Side, ...] = ("docs", "queries")
        for side in sides:
            self._contents[side] = content = content_of(collection, side)
            self._sides[side] = self._read(content, contents_of(collection, side))

    def forward(self, side: Side, rows: Tensor) -> Tensor:
        """float[..., dim]: the vectors at some rows of a side, each row encoded once."""
        flat, back = rows.flatten().unique(return_inverse=True)
        made = self._encoded(self._contents[side], self._sides[side][flat.cpu().numpy()])
        return made[back].reshape(*rows.shape, -1)

    def vectors(self, side: Side) -> Floats:
        """float32[n, dim]: every row of a side by the model as it is."""
        return self.of((self._contents[side], self._sides[side]))

    def read(self, collection: Collection, side: Side, rows: Rows) -> tuple[str, Numbers]:
        """Of some rows of another collection: the content, and pieces of texts or pixels."""
        content, values = content_of(collection, side), contents_of(collection, side)
        some = [values[row] for row in rows]
        read = squares(some, self.shape.size) if content == "image" else self.pieces_of(some)
        return content, read

    def of(self, read: tuple[str, Numbers]) -> Floats:
        """float32[n, dim] of what was read: a content, and pieces of texts or pixels."""
        content, numbers = read
        training = self.training
        self.eval()
        with torch.inference_mode():
            made = [self._encoded(content, numbers[at]).cpu().numpy() for at in _parts(numbers)]
        self.train(training)
        return np.concatenate(made)

    def _encoded(self, content: str, numbers: Numbers) -> Tensor:
        given = torch.as_tensor(np.ascontiguousarray(numbers)).to(self.device)
        made: Tensor = self.of_pixels(given) if content == "image" else self.of_pieces(given)
        return made

    def _read(self, content: str, values: list[str]) -> Numbers:
        if content == "text":
            return self.pieces_of(values)
        size = self.shape.size
        with tempfile.TemporaryFile() as file:  # what is mapped of it stays
            held = np.memmap(file, np.uint8, "w+", shape=(len(values), size, size, 3))
        for at in _parts(values):
            held[at] = squares(values[at], size)
        return held


def content_of(collection: Collection, side: Side) -> str:
    """What of a side towers read: the first that it has."""
    return next(content for content in CONTENTS if collection.has(side, content))


def contents_of(collection: Collection, side: Side) -> list[str]:
    """The texts of a side, or the paths of its images, which must be there."""
    if content_of(collection, side) == "text":
        texts: list[str] = collection.frame(side)["text"].to_list()
        return texts
    paths = collection.image_paths(side)
    check_there(paths, collection.ids(side), "corpus" if side == "docs" else side)
    found: list[str] = paths.to_list()
    return found


def _parts(values: Sequence[Any] | Numbers) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, max(1, len(values)), _BLOCK)]

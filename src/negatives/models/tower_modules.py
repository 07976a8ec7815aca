"""Two small towers, one that reads texts and one that sees images, as modules of torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.models.static import BUNDLED, PIECES, StaticEncoder
from negatives.models.tower_files import read_shape, read_weights, write_tower
from negatives.optional import Tensor, torch
from negatives.store.atomic import file_hash

ABOUT: Final = "towers.json"
WHAT: Final = "no towers can be read"
_WIDTHS: Final = (32, 64, 128, 256)
"""Channels of an image after each step, of which each halves its height and width."""


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What `towers.json` says.

    `dim` numbers of a vector, `size` pixels of an image's height and width, `longest` pieces of a
    text that are read, `pieces` the hash of the list of pieces.
    """

    dim: int
    size: int
    longest: int
    pieces: str


class Towers(torch.nn.Module):  # type: ignore[misc]
    """Texts and images as vectors of the same space.

    A text is a row of word pieces, whose vectors begin as the built-in encoder's; a convolution
    over neighbours lets their order count, and their mean is mapped to `dim` numbers. An image is
    halved four times by convolutions with a shortcut each, averaged and mapped. Neither depends on
    what else is in the batch.
    """

    def __init__(self, shape: Shape, table: NDArray[np.float32]) -> None:
        super().__init__()
        self.shape = shape
        wide = table.shape[1]
        padded = np.concatenate([table, np.zeros((1, wide), np.float32)])
        nn = torch.nn
        self.embedding = nn.Embedding.from_pretrained(
            torch.as_tensor(padded), freeze=False, padding_idx=len(table)
        )
        self.neighbours = nn.Conv1d(wide, wide, 3, padding=1)
        self.text_out = nn.Linear(wide, shape.dim)
        steps, before = [], 3
        for channels in _WIDTHS:
            steps.append(_step(before, channels))
            before = channels
        self.steps = nn.ModuleList(steps)
        self.image_out = nn.Linear(before, shape.dim)

    @classmethod
    def begun(cls, dim: int, size: int, longest: int) -> Self:
        """Towers that have learned nothing but what single words mean."""
        shape = Shape(dim=dim, size=size, longest=longest, pieces=_pieces_hash())
        return cls(shape, _words().table)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The towers of a folder; `DataError` where they cannot be read."""
        shape = read_shape(folder / ABOUT, Shape, WHAT)
        if shape.pieces != _pieces_hash():
            raise DataError(
                "the towers were trained with other word pieces than this version has",
                where=str(folder / ABOUT),
                fix="open them with the version that trained them, or train again",
            )
        made = cls(shape, _words().table)
        read_weights(made, folder, WHAT)
        return made

    @property
    def device(self) -> Any:
        """Where the weights are."""
        return self.embedding.weight.device

    def pieces_of(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """int64[texts, longest]: pieces of each text, padded at the end."""
        pad = self.embedding.padding_idx
        made = np.full((len(texts), self.shape.longest), pad, np.int64)
        split = _words().split_all(texts)
        rows = np.repeat(np.arange(len(texts)), split.lengths)
        place = np.arange(len(split.values)) - np.repeat(split.starts[:-1], split.lengths)
        kept = place < self.shape.longest
        made[rows[kept], place[kept]] = split.values[kept]
        return made

    def of_pieces(self, pieces: Tensor) -> Tensor:
        """float[n, dim] of int64[n, longest]; a text without any piece gets the bias alone."""
        longest = int((pieces != self.embedding.padding_idx).sum(1).max().clamp(min=1))
        pieces = pieces[:, :longest]
        there = (pieces != self.embedding.padding_idx).unsqueeze(-1)
        words = self.embedding(pieces)
        near = torch.nn.functional.gelu(self.neighbours(words.transpose(1, 2))).transpose(1, 2)
        summed = ((words + near) * there).sum(1)
        return self.text_out(summed / there.sum(1).clamp(min=1))

    def of_pixels(self, pixels: Tensor) -> Tensor:
        """float[n, dim] of uint8[n, size, size, 3]."""
        # Contiguous, for torch 2.13 corrupts memory where gradients have channels last.
        seen = pixels.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
        for shortcut, inner in self.steps:
            seen = torch.nn.functional.gelu(shortcut(seen) + inner(seen))
        return self.image_out(seen.mean((2, 3)))

    def save_pretrained(self, path: str, create_model_card: bool = False) -> None:
        """Write the folder that `open_encoder` opens."""
        write_tower(self, Path(path), ABOUT)


def _step(before: int, after: int) -> Any:
    """A shortcut and two convolutions, each halving height and width."""
    nn = torch.nn
    inner = nn.Sequential(
        nn.Conv2d(before, after, 3, stride=2, padding=1),
        nn.GroupNorm(8, after),
        nn.GELU(),
        nn.Conv2d(after, after, 3, padding=1),
        nn.GroupNorm(8, after),
    )
    return nn.ModuleList([nn.Conv2d(before, after, 1, stride=2), inner])


@cache
def _words() -> StaticEncoder:
    """What splits texts: opened once, for batches ask it anew."""
    return StaticEncoder()


def _pieces_hash() -> str:
    return file_hash(BUNDLED / PIECES)

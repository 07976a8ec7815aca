"""A small tower that reads time series, as a module of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

import msgspec

from negatives.models.tower_files import read_shape, read_weights, write_tower
from negatives.optional import Tensor, torch

ABOUT: Final = "series.json"
WHAT: Final = "no tower of time series can be read"
_WIDTHS: Final = (16, 32, 64)
"""Channels after each step, of which each halves the length."""


class SeriesShape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What `series.json` says.

    `dim` numbers of a vector; `dimensions` of a series, and `length` steps that it is made.
    """

    dim: int
    dimensions: int
    length: int


class SeriesTower(torch.nn.Module):  # type: ignore[misc]
    """Time series as vectors: convolutions along time, each step with a shortcut.

    After Wang et al. (2017), "Time series classification from scratch": convolutions and the mean
    over time, here with a shortcut and half the length a step. What else is in the batch does not
    matter.
    """

    def __init__(self, shape: SeriesShape) -> None:
        super().__init__()
        self.shape = shape
        steps, before = [], shape.dimensions
        for channels in _WIDTHS:
            steps.append(_step(before, channels))
            before = channels
        self.steps = torch.nn.ModuleList(steps)
        self.out = torch.nn.Linear(before, shape.dim)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The tower of a folder; `DataError` where it cannot be read."""
        made = cls(read_shape(folder / ABOUT, SeriesShape, WHAT))
        read_weights(made, folder, WHAT)
        return made

    @property
    def device(self) -> Any:
        """Where the weights are."""
        return self.out.weight.device

    def of_series(self, series: Tensor) -> Tensor:
        """float[n, dim] of float[n, dimensions, length]."""
        for shortcut, inner in self.steps:
            series = torch.nn.functional.gelu(shortcut(series) + inner(series))
        return self.out(series.mean(2))

    def save_pretrained(self, path: str, create_model_card: bool = False) -> None:
        """Write the folder that `open_encoder` opens."""
        write_tower(self, Path(path), ABOUT)


def _step(before: int, after: int) -> Any:
    """A shortcut and two convolutions along time, which halve the length."""
    nn = torch.nn
    inner = nn.Sequential(
        nn.Conv1d(before, after, 7, stride=2, padding=3),
        nn.GroupNorm(8, after),
        nn.GELU(),
        nn.Conv1d(after, after, 5, padding=2),
        nn.GroupNorm(8, after),
    )
    return nn.ModuleList([nn.Conv1d(before, after, 1, stride=2), inner])

"""A tower of time series that `negatives train --kind series` made, opened as an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.arrays import Bools
from negatives.errors import DataError
from negatives.models.encoder import Encoded, Encoder
from negatives.models.series import numbers
from negatives.models.tower_files import WEIGHTS, device_of
from negatives.models.towers import Tower
from negatives.optional import torch
from negatives.store.atomic import file_hash

ABOUT: Final = "series.json"
"""What the folder of such a tower holds, and no other."""


def names_series(spec: str) -> bool:
    """Whether an encoder's name is that of a folder of a tower of time series."""
    return (Path(spec) / ABOUT).is_file()


class SeriesEncoder:
    """A folder of a tower of time series, which reads nothing else."""

    def __init__(self, folder: str | Path, *, threads: int = 1, device: str = "auto") -> None:
        from negatives.models.series_modules import SeriesTower

        torch.set_num_threads(threads)
        self._folder = str(folder)
        self.model: Any = SeriesTower.load(Path(folder)).eval().to(device_of(device))
        self.dim = int(self.model.shape.dim)
        hashes = [file_hash(Path(folder) / name) for name in (ABOUT, WEIGHTS)]
        self.fingerprint = "series-" + "-".join(hashes)

    @cached_property
    def contents(self) -> Mapping[str, Encoder]:
        """Time series, as `.ts` files have them."""
        return {"series": Tower(self, self.series)}

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Refused: `contents["series"]` reads series, and texts are none."""
        raise DataError(
            "a tower of time series reads no texts",
            where=self._folder,
            fix="name data of time series, or another encoder",
        )

    def series(self, texts: Sequence[str]) -> tuple[Any, Bools]:
        """Vectors of series; none is cut."""
        shape = self.model.shape
        read = torch.as_tensor(numbers(texts, shape.dimensions, shape.length))
        return self.model.of_series(read.to(self.model.device)), np.zeros(len(texts), np.bool_)

"""What a tower of time series is trained with: both sides of a collection as numbers, by row."""

from __future__ import annotations

from typing import Final

import numpy as np

from negatives.arrays import Floats
from negatives.models.series import numbers
from negatives.models.series_modules import SeriesShape, SeriesTower
from negatives.optional import Tensor, torch
from negatives.schema import Collection, Rows, Side

_BLOCK: Final = 512


class Recorded(SeriesTower):
    """A tower of time series, and a collection whose rows it encodes, changed while it learns.

    Held in memory: 4 bytes for each of dimensions * length values of a row.
    """

    def __init__(self, shape: SeriesShape) -> None:
        super().__init__(shape)
        self.changes = 1.0, 0.0, 0.0
        """`crop`, `scale` and `noise` of `views`."""
        self._sides: dict[Side, Floats] = {}

    def fit(self, collection: Collection) -> None:
        """Have the series of every row of a collection."""
        for side in ("docs", "queries"):
            self._sides[side] = self._numbers(collection.frame(side)["series"].to_list())

    def forward(self, side: Side, rows: Tensor) -> Tensor:
        """float[..., dim]: the vectors at some rows of a side, each row encoded once: while it
        learns, of a view that is drawn anew.
        """
        flat, back = rows.flatten().unique(return_inverse=True)
        seen = self._moved(self._sides[side][flat.cpu().numpy()])
        if self.training:
            seen = views(seen, *self.changes)
        return self.of_series(seen)[back].reshape(*rows.shape, -1)

    def vectors(self, side: Side) -> Floats:
        """float32[n, dim]: every row of a side, as it is, by the model as it is."""
        return self.of(self._sides[side])

    def read(self, collection: Collection, side: Side, rows: Rows) -> Floats:
        """float32[n, dimensions, length] of some rows of another collection."""
        return self._numbers(collection.frame(side)["series"].gather(rows).to_list())

    def of(self, read: Floats) -> Floats:
        """float32[n, dim] of series that were read."""
        training = self.training
        self.eval()
        with torch.inference_mode():
            made = [
                self.of_series(self._moved(read[start : start + _BLOCK])).cpu().numpy()
                for start in range(0, max(1, len(read)), _BLOCK)
            ]
        self.train(training)
        return np.concatenate(made)

    def _numbers(self, series: list[str]) -> Floats:
        return numbers(series, self.shape.dimensions, self.shape.length)

    def _moved(self, series: Floats) -> Tensor:
        return torch.as_tensor(series).to(self.device)


def views(series: Tensor, crop: float, scale: float, noise: float) -> Tensor:
    """float[n, dimensions, length]: each series changed by chance, by torch's own generator.

    Of each a stretch is taken, of a share of the length drawn from `crop` to 1, and made as long as
    the whole by straight lines; every dimension is multiplied by a factor drawn about 1 with the
    standard deviation `scale`, and every value gets noise of the standard deviation `noise`.

    >>> from negatives.learn.recorded import views
    >>> from negatives.optional import torch
    >>> series = torch.arange(8.0).reshape(1, 1, 8)
    >>> bool((views(series, 1.0, 0.0, 0.0) == series).all())
    True
    """
    n, dimensions, length = series.shape
    if crop < 1:
        share = crop + (1 - crop) * torch.rand(n, 1, device=series.device)
        start = (1 - share) * torch.rand(n, 1, device=series.device)
        steps = torch.linspace(0, 1, length, device=series.device)
        at = ((start + share * steps) * (length - 1)).clamp(0, length - 1)
        before = at.floor().long().clamp(max=length - 2)
        part = (at - before).unsqueeze(1)
        index = before.unsqueeze(1).expand(n, dimensions, length)
        series = series.gather(2, index) * (1 - part) + series.gather(2, index + 1) * part
    if scale:
        series = series * (1 + scale * torch.randn(n, dimensions, 1, device=series.device))
    if noise:
        series = series + noise * torch.randn_like(series)
    return series

"""The documents of a column, all rows one after the other, and how many each row has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Lengths = NDArray[np.int64]


@dataclass(frozen=True)
class Flat:
    """`lengths` int64[rows]; ids, texts and scores of the documents, each None or sum(lengths)."""

    lengths: Lengths
    id: pl.Series | None = None
    text: pl.Series | None = None
    score: pl.Series | None = None

    def table(self, after: Lengths) -> pl.DataFrame:
        """at (number of the row), place, id, text, score; places of a row begin at `after`."""
        at = np.repeat(np.arange(len(self.lengths)), self.lengths)
        first = np.cumsum(self.lengths) - self.lengths
        place = np.arange(len(at)) - first[at] + after[at]
        return pl.DataFrame(
            {
                "at": pl.Series(at, dtype=pl.UInt32),
                "place": pl.Series(place, dtype=pl.Int32),
                "id": _of(self.id, pl.String, len(at)),
                "text": _of(self.text, pl.String, len(at)),
                "score": _of(self.score, pl.Float64, len(at)),
            }
        )


def joined(parts: list[Flat], height: int) -> pl.DataFrame:
    """The documents of several columns of the same rows, as `Flat.table`, in their order."""
    after = np.zeros(height, np.int64)
    tables = [Flat(after).table(after)]
    for part in parts:
        tables.append(part.table(after))
        after = after + part.lengths
    return pl.concat(tables).sort("at", "place")


def systems(names: tuple[str, ...], of: Callable[[str], Flat], height: int) -> Flat:
    """The documents of several systems, one after the other within a row."""
    parts = [of(name) for name in names]
    table = joined(parts, height)
    lengths = sum((part.lengths for part in parts), np.zeros(height, np.int64))
    return Flat(lengths, *(_or_none(table[name]) for name in ("id", "text", "score")))


def _of(series: pl.Series | None, dtype: type[pl.DataType], height: int) -> pl.Series:
    if series is None:
        return pl.Series([None], dtype=dtype).new_from_index(0, height)
    return series.cast(dtype)


def _or_none(series: pl.Series) -> pl.Series | None:
    return series if series.null_count() < len(series) else None

"""Rows of a table that already has types (Parquet, Arrow, CSV, TREC), as flat documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from negatives.read.frames import whole_ids
from negatives.read.mined.flat import FlatRows, Lengths
from negatives.read.mined.parts import Part


@dataclass(frozen=True)
class TableRows(FlatRows):
    """Some rows of a table."""

    frame: pl.DataFrame

    def said(self, column: str, at: int) -> Any:
        """What a row holds in a column."""
        value = self.frame[column][at]
        return value.to_list() if isinstance(value, pl.Series) else value

    def numbers(self, column: str, *, listed: bool) -> tuple[Lengths, pl.Series]:
        """A column of numbers, one a row or lists of them; null where there is none."""
        series = self.frame[column]
        if _depth(series.dtype):
            lengths, flat = self._opened(series)
        elif listed and series.null_count() == len(series):
            lengths, flat = np.zeros(len(series), np.int64), series.clear()
        else:
            lengths, flat = np.ones(len(series), np.int64), series
        return lengths, self._floats(flat)

    def _values(self, column: str) -> pl.Series:
        return self.frame[column]

    def _strings(self, values: pl.Series) -> pl.Series:
        return whole_ids(values, self.where).cast(pl.String)

    def _floats(self, values: pl.Series) -> pl.Series:
        if values.dtype == pl.String:
            text = values.str.strip_chars().str.to_lowercase()
            return text.replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
        return values.cast(pl.Float64)

    def _lists(self, values: pl.Series, part: Part, form: str) -> tuple[Lengths, pl.Series]:
        if _depth(values.dtype) >= (2 if form == "messages" else 1):
            return self._opened(values)
        return np.ones(len(values), np.int64), values

    def _opened(self, lists: pl.Series) -> tuple[Lengths, pl.Series]:
        lengths = lists.list.len().fill_null(0)
        return lengths.cast(pl.Int64).to_numpy(), lists.filter(lengths > 0).explode()

    def _system(self, values: pl.Series, name: str) -> pl.Series:
        return values.struct.field(name)

    def _field(self, objects: pl.Series, key: str, part: Part) -> pl.Series:
        return objects.struct.field(getattr(part, key))

    def _turns(self, conversations: pl.Series) -> tuple[pl.Series, pl.Series]:
        said = conversations.alias("said").to_frame().lazy()
        content = pl.element().struct.field("content")
        answers = pl.element().struct.field("role").is_in(["assistant"])
        frame = said.select(
            turns=pl.col("said").list.eval(answers).list.sum(),
            text=pl.col("said").list.eval(content).list.last(),
        ).collect()
        return frame["turns"], frame["text"].cast(pl.String)


def _depth(dtype: Any) -> int:
    return 1 + _depth(dtype.inner) if isinstance(dtype, pl.List | pl.Array) else 0

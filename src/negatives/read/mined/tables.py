"""Rows of a table that already has types (Parquet, Arrow, CSV, TREC), as flat documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from negatives.errors import DataError
from negatives.read.mined.flat import Flat, Lengths, systems
from negatives.read.mined.parts import Part


@dataclass(frozen=True)
class TableRows:
    """Some rows of a table: `row` (from 1), `line` (as messages say it), number of the file."""

    frame: pl.DataFrame
    row: pl.Series
    line: pl.Series
    file: int
    where: str

    def strings(self, column: str) -> pl.Series:
        """A column of texts or ids, one a row."""
        return _strings(self.frame[column])

    def numbers(self, column: str, *, listed: bool) -> tuple[Lengths, pl.Series]:
        """A column of numbers, one a row or lists of them; null where there is none."""
        series = self.frame[column]
        if _depth(series.dtype):
            lengths, flat = _opened(series)
        elif listed and series.null_count() == len(series):
            lengths, flat = np.zeros(len(series), np.int64), series.clear()
        else:
            lengths, flat = _ones(series), series
        return lengths, _numbers(flat)

    def said(self, column: str, at: int) -> Any:
        """What a row holds in a column."""
        value = self.frame[column][at]
        return value.to_list() if isinstance(value, pl.Series) else value

    def conversation(self, column: str) -> pl.Series:
        """The one text of a conversation a row."""
        return self._last(self.frame[column])

    def documents(self, part: Part) -> Flat:
        """The documents of a column."""
        series = self.frame[part.column]
        if part.form == "systems":
            each = {name: series.struct.field(name) for name in part.systems}
            return systems(
                part.systems, lambda name: self._listed(each[name], part, part.inner), len(series)
            )
        if part.form == "table":
            return self._table(series, part)
        return self._listed(series, part, part.form)

    def _listed(self, series: pl.Series, part: Part, form: str) -> Flat:
        many = 2 if form == "messages" else 1
        lists = _depth(series.dtype) >= many
        lengths, flat = _opened(series) if lists else (_ones(series), series)
        if form == "plain":
            values = _strings(flat)
            return Flat(lengths, id=values) if part.kind == "id" else Flat(lengths, text=values)
        if form == "messages":
            return Flat(lengths, text=self._last(flat))
        return Flat(lengths, **_fields(flat, part))

    def _table(self, series: pl.Series, part: Part) -> Flat:
        fields = {
            key: _opened(series.struct.field(name))
            for key, name in (("id", part.id), ("text", part.text), ("score", part.score))
            if name
        }
        first, *others = (lengths for lengths, _ in fields.values())
        for lengths in others:
            uneven = np.flatnonzero(lengths != first)
            if len(uneven):
                raise DataError(
                    f"row {self.row[int(uneven[0])]:,} has lists of different lengths in "
                    f"{part.column!r}",
                    where=self.where,
                    mend="give each document its id, its text and its score",
                )
        made = {
            key: flat if key == "score" else _strings(flat) for key, (_, flat) in fields.items()
        }
        return Flat(first, **made)

    def _last(self, conversations: pl.Series) -> pl.Series:
        """The text of conversations: their last message's, of at most one turn a side."""
        content = pl.element().struct.field("content")
        role = pl.element().struct.field("role")
        frame = (
            conversations.alias("c")
            .to_frame()
            .select(
                turns=pl.col("c").list.eval(role.is_in(["assistant"])).list.sum(),
                text=pl.col("c").list.eval(content).list.last(),
            )
        )
        refuse_turns(frame["turns"], self.row, self.where)
        return frame["text"].cast(pl.String)


def refuse_turns(turns: pl.Series, row: pl.Series, where: str) -> None:
    """`DataError` where a conversation has several answers: which is meant is not known."""
    many = (turns.fill_null(0) > 1).arg_true()
    if len(many):
        near = f" (about row {row[min(int(many[0]), len(row) - 1)]:,})" if len(row) else ""
        raise DataError(
            f"a conversation of several answers{near}: which of them is the document is not known",
            where=where,
            mend="write one message a document",
        )


def _fields(objects: pl.Series, part: Part) -> dict[str, pl.Series]:
    made: dict[str, pl.Series] = {}
    if part.id:
        made["id"] = _strings(objects.struct.field(part.id))
    if part.score:
        made["score"] = objects.struct.field(part.score).cast(pl.Float64)
    if part.text:
        text = _strings(objects.struct.field(part.text))
        if part.title:
            text = with_titles(text, _strings(objects.struct.field(part.title)))
        made["text"] = text
    return made


def with_titles(texts: pl.Series, titles: pl.Series) -> pl.Series:
    """Texts with their titles before them, as in a corpus."""
    title = titles.fill_null("").str.strip_chars()
    joined = title + " " + texts.fill_null("")
    return pl.select(pl.when(title == "").then(texts).otherwise(joined)).to_series()


def _opened(series: pl.Series) -> tuple[Lengths, pl.Series]:
    """Lengths of the lists of a column, and all their values; no list is an empty one."""
    lengths = series.list.len().fill_null(0)
    flat = series.filter(lengths > 0).explode()
    return lengths.cast(pl.Int64).to_numpy(), flat


def _ones(series: pl.Series) -> Lengths:
    return np.ones(len(series), np.int64)


def _depth(dtype: Any) -> int:
    return 1 + _depth(dtype.inner) if isinstance(dtype, pl.List | pl.Array) else 0


def _strings(series: pl.Series) -> pl.Series:
    return series.cast(pl.String)


def _numbers(flat: pl.Series) -> pl.Series:
    if flat.dtype == pl.String:
        text = flat.str.strip_chars().str.to_lowercase()
        return text.replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
    return flat.cast(pl.Float64)

"""The documents of a column, all rows one after the other, and how many each row has.

How they are taken out of a block of rows, whatever it is made of, is said once, in `FlatRows`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.read.mined.parts import Part

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


@dataclass(frozen=True)
class FlatRows(ABC):
    """Some rows of a file: `row` (from 1), `line` (as messages say it), number of the file.

    What a column holds is called `values` here: a series, or a list of decoded objects. Subclasses
    say how values of their kind are opened; which documents they make is the same for all.
    """

    row: pl.Series
    line: pl.Series
    file: int
    where: str

    @abstractmethod
    def said(self, column: str, at: int) -> Any:
        """What a row holds in a column."""

    @abstractmethod
    def numbers(self, column: str, *, listed: bool) -> tuple[Lengths, pl.Series]:
        """A column of numbers, one a row or lists of them; null where there is none."""

    @abstractmethod
    def _values(self, column: str) -> Any:
        """What the rows hold in a column."""

    @abstractmethod
    def _strings(self, values: Any) -> pl.Series:
        """Texts or ids as texts."""

    @abstractmethod
    def _floats(self, values: Any) -> pl.Series:
        """Numbers; null where one is none."""

    @abstractmethod
    def _lists(self, values: Any, part: Part, form: str) -> tuple[Lengths, Any]:
        """Lengths of lists and all their values, where a row has a list; one stands for itself."""

    @abstractmethod
    def _opened(self, lists: Any) -> tuple[Lengths, Any]:
        """The same of lists, of which none is an empty one."""

    @abstractmethod
    def _system(self, values: Any, name: str) -> Any:
        """The lists of one system, of objects that have a list for each."""

    @abstractmethod
    def _field(self, objects: Any, key: str, part: Part) -> Any:
        """The id, text, title or score of objects, by the name that it has in the part."""

    @abstractmethod
    def _turns(self, conversations: Any) -> tuple[pl.Series, pl.Series]:
        """How many answers conversations have, and their last messages."""

    def strings(self, column: str) -> pl.Series:
        """A column of texts or ids, one a row."""
        return self._strings(self._values(column))

    def conversation(self, column: str) -> pl.Series:
        """The one text of a conversation a row."""
        return self._last(self._values(column))

    def documents(self, part: Part) -> Flat:
        """The documents of a column."""
        values = self._values(part.column)
        if part.form == "systems":
            each = [self._system(values, name) for name in part.systems]
            flats = [self._listed(lists, part, part.inner) for lists in each]
            table = joined(flats, len(values))
            lengths = sum((flat.lengths for flat in flats), np.zeros(len(values), np.int64))
            return Flat(lengths, *(_or_none(table[name]) for name in ("id", "text", "score")))
        if part.form == "table":
            return self._table(values, part)
        return self._listed(values, part, part.form)

    def _listed(self, values: Any, part: Part, form: str) -> Flat:
        lengths, flat = self._lists(values, part, form)
        if form == "messages":
            return Flat(lengths, text=self._last(flat))
        if form == "plain":
            texts = self._strings(flat)
            return Flat(lengths, id=texts) if part.kind == "id" else Flat(lengths, text=texts)
        made = {}
        if part.id:
            made["id"] = self._strings(self._field(flat, "id", part))
        if part.score:
            made["score"] = self._floats(self._field(flat, "score", part))
        if part.text:
            made["text"] = self._strings(self._field(flat, "text", part))
            if part.title:
                titles = self._strings(self._field(flat, "title", part))
                made["text"] = _with_titles(made["text"], titles)
        return Flat(lengths, **made)

    def _table(self, values: Any, part: Part) -> Flat:
        """Documents of objects of parallel lists."""
        opened = {
            key: self._opened(self._field(values, key, part))
            for key in ("id", "text", "score")
            if getattr(part, key)
        }
        first, *others = (lengths for lengths, _ in opened.values())
        for lengths in others:
            uneven = np.flatnonzero(lengths != first)
            if len(uneven):
                raise DataError(
                    f"row {self.row[int(uneven[0])]:,} has lists of different lengths in "
                    f"{part.column!r}",
                    where=self.where,
                    fix="give each document its id, its text and its score",
                )
        made = {
            key: self._floats(flat) if key == "score" else self._strings(flat)
            for key, (_, flat) in opened.items()
        }
        return Flat(first, **made)

    def _last(self, conversations: Any) -> pl.Series:
        """The text of conversations: their last message's, of at most one turn a side."""
        turns, texts = self._turns(conversations)
        many = (turns.fill_null(0) > 1).arg_true()
        if len(many):
            at = min(int(many[0]), len(self.row) - 1)
            near = f" (about row {self.row[at]:,})" if len(self.row) else ""
            raise DataError(
                f"a conversation of several answers{near}: which of them is the document is not "
                "known",
                where=self.where,
                fix="write one message a document",
            )
        return texts


def _with_titles(texts: pl.Series, titles: pl.Series) -> pl.Series:
    """Texts with their titles before them, as in a corpus."""
    title = titles.fill_null("").str.strip_chars()
    joined = title + " " + texts.fill_null("")
    return pl.select(pl.when(title == "").then(texts).otherwise(joined)).to_series()


def _of(series: pl.Series | None, dtype: type[pl.DataType], height: int) -> pl.Series:
    if series is None:
        return pl.Series([None], dtype=dtype).new_from_index(0, height)
    return series.cast(dtype)


def _or_none(series: pl.Series) -> pl.Series | None:
    return series if series.null_count() < len(series) else None

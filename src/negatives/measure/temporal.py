"""Search in time: only documents older than a query can answer it.

A case cites earlier cases, a report earlier reports. To let a later document be found, or to count
it as missing, measures something that nobody could use (as in ECtHR-PCR, Santosh et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.events import Emit, Warned
from negatives.measure.barred import Bar, NotOlder
from negatives.read.moments import DAY, days
from negatives.read.table import ids_of, read_table
from negatives.schema import Collection

FIRST: Final = 5


@dataclass(frozen=True)
class InTime:
    """A protocol: each query may find only what is older than itself.

    `queries` and `docs` give every id its time: files (CSV, TSV, JSONL, Parquet) or frames, whose
    first column is the id and whose column `time` (else the second) is a number, or a date written
    YYYY-MM-DD, with or without a time of day.
    """

    queries: str | Path | pl.DataFrame
    docs: str | Path | pl.DataFrame

    def apply(self, collection: Collection, emit: Emit) -> tuple[Collection, Bar]:
        """The collection without judgements of documents that are not older; and what is barred."""
        bar = NotOlder(self._times(collection, "queries"), self._times(collection, "docs"))
        judged = collection.rows_of(collection.qrels)
        query, doc = (judged[name].to_numpy() for name in ("query", "doc"))
        older = bar.doc_times[doc] < bar.query_times[query]
        if not older.all():
            emit(
                Warned(
                    f"{int((~older).sum()):,} of {len(older):,} judged documents are not older "
                    "than their query: they neither count nor can be found"
                )
            )
        qrels = collection.ids_of(judged.filter(pl.Series(older)))
        return replace(collection, qrels=qrels.select(collection.qrels.columns)), bar

    def grouping(self, collection: Collection) -> tuple[str, pl.DataFrame]:
        """A slice of four periods with as many queries each: query_id, group."""
        times = self._times(collection, "queries")[collection.mined_queries]
        ids = collection.queries["query_id"].gather(collection.mined_queries)
        place = np.argsort(np.argsort(times, kind="stable"), kind="stable")
        quarter = 1 + 4 * place // max(1, len(times))
        return "period of the query", pl.DataFrame(
            {"query_id": ids, "group": [f"{n} of 4, from old to new" for n in quarter.tolist()]}
        )

    def _times(self, collection: Collection, what: str) -> NDArray[np.float64]:
        frame = collection.queries if what == "queries" else collection.corpus
        given = self.queries if what == "queries" else self.docs
        return times_of(given, frame.to_series(0), what)


def times_of(given: str | Path | pl.DataFrame, ids: pl.Series, what: str) -> NDArray[np.float64]:
    """float64[ids]: numbers as they are, dates in days; see `InTime`.

    Raises `DataError` with the first five ids whose time is missing or cannot be read.
    """
    where = f"times of the {what}" if isinstance(given, pl.DataFrame) else str(given)
    table = given if isinstance(given, pl.DataFrame) else read_table(Path(given))
    if table.width < 2:
        raise DataError(
            "expected two columns: an id and a time",
            where=where,
            fix="write an id and a time in each row",
        )
    column = "time" if "time" in table.columns else table.columns[1]
    read = pl.DataFrame(
        {"id": ids_of(table, table.columns[0], where), "time": _numbers(table[column])}
    ).unique("id", keep="first", maintain_order=True)
    found = pl.DataFrame({"id": ids}).join(read, on="id", how="left", maintain_order="left")
    missing = found.filter(~pl.col("time").is_finite().fill_null(False))["id"]
    if len(missing):
        listed = ", ".join(map(repr, missing[:FIRST]))
        raise DataError(
            f"{len(missing):,} of the {what} have no time that can be read: {listed}",
            where=where,
            fix="give each a number, or a date such as 2021-05-31",
        )
    return found["time"].to_numpy()


def _numbers(times: pl.Series) -> pl.Series:
    """Days for dates, and numbers as they are."""
    if times.dtype.is_numeric():
        return times.cast(pl.Float64)
    if times.dtype.is_temporal():
        return times.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64) / DAY
    text = times.cast(pl.String).str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == text.null_count() else days(text)

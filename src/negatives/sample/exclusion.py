"""The pairs that must never be drawn as negatives, and an exact answer to "is this one of them?".

Pairs are kept sorted, query by query (CSR). In front of them stand bits, 16 or more for each
positive, so that nearly every question is answered by one look: at the bit of the document's hash
(a Bloom filter with one hash). A set bit is looked up in the sorted pairs, so the answer is exact.
A query with so many positives that one bit for each document takes no more has a bitmap instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from negatives.arrays import Bools, Places, Rows, starts_of
from negatives.errors import DataError, InputError
from negatives.schema import DUPLICATE, POSITIVE, Collection

MOST: Final = 2**32 - 1
SPREAD: Final = np.uint32(0x9E3779B1)  # 2^32 / golden ratio, odd (Knuth, 6.4): top bits well mixed
_BITS_A_PAIR: Final = 16


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Known positives of every query, by row number.

    `members[starts[q]:starts[q + 1]]` are the excluded documents of query `q`, ascending. The bits
    of query `q` begin at byte `bytes_at[q]` of `bits`; a document's bit is the top of its hash:
    `doc * factors[q] >> shifts[q]`, in 32 bits; in a bitmap, factor 1 and shift 0 leave the row.
    """

    queries: int
    docs: int
    starts: Places
    members: Rows
    bits: NDArray[np.uint8]
    bytes_at: Places
    factors: Rows
    shifts: Rows

    @staticmethod
    def from_pairs(query: ArrayLike, doc: ArrayLike, *, queries: int, docs: int) -> Exclusion:
        """The pairs (query[i], doc[i]), in any order, repeats allowed, of `queries` x `docs`.

        Takes about 7 bytes a pair and 25 a query. Raises `DataError` where a row is out of range.
        """
        if queries < 0 or not 0 < docs < MOST:
            raise InputError(
                f"an exclusion of {queries:,} queries and {docs:,} documents",
                fix=f"queries >= 0, and 1 to {MOST - 1:,} documents",
            )
        rows = within(query, queries, "query", DataError)
        columns = within(doc, docs, "document", DataError)
        if len(rows) != len(columns):
            raise DataError(
                f"{len(rows):,} queries are paired with {len(columns):,} documents",
                fix="give one document for each query",
            )
        keys = rows * docs + columns
        if (keys[1:] <= keys[:-1]).any():
            keys = np.unique(keys)
            rows, columns = np.divmod(keys, docs)
        starts = starts_of(np.bincount(rows, minlength=queries))
        members = columns.astype(np.uint32)
        sizes = np.diff(starts)
        width = np.ceil(np.log2(np.maximum(sizes * _BITS_A_PAIR, 8))).astype(np.int64)
        direct = (1 << width) >= docs
        room = np.where(direct, (docs + 7) // 8, 1 << (width - 3))
        bytes_at = starts_of(room)[:-1]
        factors = np.where(direct, np.uint32(1), SPREAD)
        shifts = np.where(direct, 0, 32 - width).astype(np.uint32)
        place = ((members * factors[rows]) >> shifts[rows]).astype(np.int64)
        bits = np.zeros(int(room.sum()), np.uint8)
        ones = np.left_shift(1, place & 7).astype(np.uint8)
        np.bitwise_or.at(bits, bytes_at[rows] + (place >> 3), ones)
        return Exclusion(queries, docs, starts, members, bits, bytes_at, factors, shifts)

    @staticmethod
    def from_collection(collection: Collection) -> Exclusion:
        """The positives of a collection, by its own row numbers."""
        return _of_frame(collection, collection.positives)

    @staticmethod
    def from_ledger(ledger: pl.LazyFrame | pl.DataFrame, collection: Collection) -> Exclusion:
        """The collection's positives, and what a run's ledger calls a positive or a duplicate.

        `ledger` is `run.candidates()`. Pairs it calls rejected are not excluded: most are only too
        uncertain to be *mined*, and leaving them all out would skew what is drawn.
        """
        found = (
            ledger.lazy()
            .filter(pl.col("verdict").is_in([POSITIVE, DUPLICATE]))
            .select("query_id", "doc_id")
            .collect()
        )
        pairs = pl.concat([collection.positives, collection.rows_of(found)])
        return _of_frame(collection, pairs)

    @property
    def sizes(self) -> Places:
        """int64[queries]: how many documents each query excludes."""
        return np.diff(self.starts)

    def counts(self) -> Places:
        """int64[docs]: how many queries exclude each document: its popularity."""
        return np.bincount(self.members, minlength=self.docs)

    def check_rows(self, query_rows: ArrayLike) -> Places:
        """`query_rows` as int64[b], or `InputError` where one is no query."""
        return within(query_rows, self.queries, "query")

    def contains(self, query_rows: ArrayLike, docs: ArrayLike) -> Bools:
        """Whether each (query, document) is excluded; the two broadcast, as (b, 1) and (m,) do.

        Raises `InputError` where a row number is out of range.
        """
        rows = within(query_rows, self.queries, "query")
        columns = within(docs, self.docs, "document").astype(np.uint32)
        pairs = np.broadcast(rows, columns)
        rows, columns = (each.reshape(-1) for each in np.broadcast_arrays(rows, columns))
        return self.has(rows, columns).reshape(pairs.shape)

    def has(self, rows: Places, docs: Rows) -> Bools:
        """As `contains`, one-dimensional and unchecked."""
        found = self.seems_in(rows, docs)
        which = np.flatnonzero(found)
        found[which] = self._search(rows[which], docs[which])
        return found

    def seems_in(self, rows: Places, docs: Rows) -> Bools:
        """The bits alone: a False is right, a True to be looked up with `has`. Unchecked."""
        place = docs * self.factors[rows]
        place >>= self.shifts[rows]
        at = (place >> np.uint32(3)) + self.bytes_at[rows]
        found = self.bits.take(at, mode="clip")
        found >>= place.astype(np.uint8) & np.uint8(7)
        found &= np.uint8(1)
        return found.view(np.bool_)

    def _search(self, rows: Places, docs: Rows) -> Bools:
        """Binary search of each (row, doc) in the sorted pairs."""
        low, high = self.starts[rows], self.starts[rows + 1]
        end = high.copy()
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            open_ = low < high
            middle = (low + high) >> 1
            below = open_ & (self.members.take(middle, mode="clip") < docs)
            low = np.where(below, middle + 1, low)
            high = np.where(open_ & ~below, middle, high)
        inside = low < end
        inside[inside] = self.members[low[inside]] == docs[inside]
        return inside


def _of_frame(collection: Collection, pairs: pl.DataFrame) -> Exclusion:
    return Exclusion.from_pairs(
        pairs["query"].to_numpy(),
        pairs["doc"].to_numpy(),
        queries=len(collection.queries),
        docs=len(collection.corpus),
    )


def within(rows: ArrayLike, size: int, what: str, error: type[InputError] = InputError) -> Places:
    """`rows` as int64, or `error` naming the first five that are not 0 to size - 1."""
    given = np.asarray(rows)
    if given.size and given.dtype.kind not in "ui":
        raise error(f"{what} rows are {given.dtype}, not whole numbers")
    found = given.astype(np.int64)
    if found.size and (int(found.min()) < 0 or int(found.max()) >= size):
        wrong = found[(found < 0) | (found >= size)][:5].tolist()
        raise error(f"no such {what} row: {wrong}", fix=f"rows are 0 to {size - 1:,}")
    return found

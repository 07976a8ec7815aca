"""The tables that flow through the rooms: their columns, and the invariants they keep.

A collection is corpus + queries + qrels. What its documents and queries consist of differs: texts,
images, or nothing but their ids; and so does what makes two of them the same (`Identity`). The
ledger is one row per (query, doc) pair with all the evidence about it. Inside a run, pairs are
addressed by row numbers of the collection (`query`, `doc`: uint32); on disk and in the public API
by ids (`query_id`, `doc_id`: strings).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from negatives.arrays import Bools as Bools
from negatives.arrays import Doubles as Doubles
from negatives.arrays import Floats as Floats
from negatives.arrays import Keys
from negatives.arrays import Rows as Rows
from negatives.chance import mix
from negatives.errors import DataError, WorkError
from negatives.text.keys import normalised_keys, text_keys

Lost = Literal["refuse", "count"]
"""What becomes of judgements of documents that the corpus lacks: they are refused, or count."""

Identity = Literal["text", "id"]
"""What makes two documents, or two queries, the same: their text (copies are one), or their id."""

Side = Literal["docs", "queries"]

Columns = Mapping[str, pl.DataType | type[pl.DataType]]

CORPUS: Final[Columns] = {"doc_id": pl.String, "text": pl.String, "row": pl.UInt32}
QUERIES: Final[Columns] = {"query_id": pl.String, "text": pl.String, "row": pl.UInt32}
QRELS: Final[Columns] = {"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32}
CONTENT: Final[Mapping[str, str]] = {
    "text": "only texts",
    "image": "only the paths of images",
    "series": "only time series",
}
"""Columns of documents and queries that hold content, a text or the path of an image or a time
series (values by commas, dimensions by colons), and how one speaks of them; blank: none.
"""

GIVEN: Final[Columns] = {"query_id": pl.String, "doc_id": pl.String}
WRITTEN: Final[Columns] = {**GIVEN, "generator": pl.String}
TIMES: Final[Columns] = {"query_id": pl.String, "doc_id": pl.String, "time": pl.Float64}
PAIR: Final = ["query_id", "doc_id"]

POSITIVE: Final = "positive"
JUDGED_NEGATIVE: Final = "judged-negative"
DUPLICATE: Final = "duplicate"
REJECTED: Final = "rejected"
ELIGIBLE: Final = "eligible"
VERDICTS: Final = (POSITIVE, JUDGED_NEGATIVE, DUPLICATE, REJECTED, ELIGIBLE)
KEPT: Final = (JUDGED_NEGATIVE, ELIGIBLE)
"""Verdicts whose pairs a picker may choose."""

LEDGER_HEAD: Final[Columns] = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "sources": pl.List(pl.String),
    "relevance": pl.Int32,
}
LEDGER_TAIL: Final[Columns] = {
    "log_q": pl.Float32,
    "p_relevant": pl.Float32,
    "verdict": pl.String,
    "rule": pl.String,
    "reason": pl.String,
    "hardness": pl.Float32,
}
NEGATIVES: Final[Columns] = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "position": pl.Int16,
    "sources": pl.List(pl.String),
    "score": pl.Float32,
    "hardness": pl.Float32,
    "p_relevant": pl.Float32,
    "log_q": pl.Float32,
}
GENERATED: Final[Columns] = {
    "doc_id": pl.String,
    "query_id": pl.String,
    "generator": pl.String,
    "text": pl.String,
    "grade": pl.Int32,
    "model": pl.String,
    "prompt_hash": pl.String,
    "seed": pl.Int64,
}
"""Documents that were written for a run's queries, and where they come from."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What documents and queries must have: columns of the corpus and of the queries by name."""

    docs: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    instead: str = ""
    """What a user can do where a collection has it not; `{stage}` stands for SECTION.KIND."""
    either: tuple[str, ...] = ()
    """Contents of which both must have one each, whichever."""


TEXTS: Final = Needs(("text",), ("text",))


@dataclass(frozen=True)
class Collection:
    """Corpus, queries and judgements of one split, checked and in id order.

    `corpus` (doc_id, text, row) and `queries` (query_id, text, row) are sorted by id, so that row
    numbers, and ties broken by them, do not depend on the order of the file; `row` is the 0-based
    place in the file, which pairs precomputed vectors with texts. Where `identity` is "id" they
    need no `text`; either may also have `image` (the path of a file), `series` and further typed
    fields, such as `time`. `identity` is "text" where both sides have texts, unless it is given.
    `qrels` holds graded judgements (relevance > 0: positive; an explicit 0: judged negative; below
    0: pooled, and judged by nobody, as for trec_eval, so that the pair is as good as absent).
    `given` holds negatives that came with the data, `written` the documents of a run that were
    written for a query of it, and by which generator, `times` when pairs were judged or came to be,
    where the data say so (numbers as they are, dates in days). `notes` are warnings found while
    reading. `origin` is what `read.load` was asked for, so that a finished run can find its texts
    again (`quarantined`: with bad rows set aside; `read_with`: with which other keywords); empty
    for a collection made in Python. `images` is the folder where relative paths of images begin;
    empty stands for the current one.
    """

    name: str
    split: str
    corpus: pl.DataFrame
    queries: pl.DataFrame
    qrels: pl.DataFrame
    given: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=GIVEN))
    written: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=WRITTEN))
    times: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TIMES))
    notes: tuple[str, ...] = ()
    origin: str = ""
    quarantined: bool = False
    read_with: Mapping[str, Any] = field(default_factory=dict)
    identity: Identity | None = None
    images: str = ""

    def __post_init__(self) -> None:
        if self.identity is None:
            both = "text" in self.corpus.columns and "text" in self.queries.columns
            object.__setattr__(self, "identity", "text" if both else "id")

    def __repr__(self) -> str:
        split = f" ({self.split})" if self.split else ""
        positives = self.qrels.filter(pl.col("relevance") > 0)
        return (
            f"Collection({self.name!r}{split}: {len(self.corpus):,} documents, "
            f"{len(self.queries):,} queries, {len(positives):,} positives)"
        )

    @cached_property
    def judged(self) -> pl.DataFrame:
        """The judgements by row number: query, doc (uint32), relevance (int32, from 0), sorted."""
        judged = self.qrels.filter(pl.col("relevance") >= 0)
        return self.rows_of(judged).sort("query", "doc")

    @cached_property
    def positives(self) -> pl.DataFrame:
        """The positives by row number: query, doc (uint32), sorted."""
        return self.judged.filter(pl.col("relevance") > 0).select("query", "doc")

    @cached_property
    def mined_queries(self) -> Rows:
        """Row numbers of the queries that have a positive: the ones a run finds negatives for."""
        positive = self.qrels.filter(pl.col("relevance") > 0)["query_id"].unique()
        asked = self.queries["query_id"].is_in(positive.implode())
        return asked.arg_true().cast(pl.UInt32).to_numpy()

    @cached_property
    def empty_docs(self) -> Rows:
        """Row numbers of documents without text, where identity is text: nobody proposes them."""
        return self.lacking("docs", ("text",) if self.identity == "text" else ())

    def unproposable(self, needs: Needs) -> Rows:
        """Row numbers of the documents that a source with these needs has nothing to compare of."""
        return np.union1d(self.empty_docs, self.lacking("docs", needs.docs))

    def frame(self, side: Side) -> pl.DataFrame:
        """The table of a side."""
        return self.corpus if side == "docs" else self.queries

    def ids(self, side: Side) -> pl.Series:
        """The ids of a side, in order."""
        return self.corpus["doc_id"] if side == "docs" else self.queries["query_id"]

    def has(self, side: Side, name: str) -> bool:
        """Whether documents, or queries, have some content or field."""
        return name in self.frame(side).columns

    def lacking(self, side: Side, names: tuple[str, ...]) -> Rows:
        """Row numbers of documents, or queries, that have not all of some contents or fields.

        A text or an image of nothing but white space is none.
        """
        frame = self.frame(side)
        there = [
            pl.col(name).str.strip_chars().str.len_bytes() > 0
            if name in CONTENT
            else pl.col(name).is_not_null()
            for name in names
            if name in frame.columns
        ]
        if len(there) < len(names):
            return np.arange(len(frame), dtype=np.uint32)
        if not there:
            return np.empty(0, np.uint32)
        without = frame.select(~pl.all_horizontal(there).fill_null(False)).to_series()
        return without.arg_true().cast(pl.UInt32).to_numpy()

    def keys(self, side: Side) -> Keys:
        """uint64[n]: equal for two documents, two queries, or one of each, that are the same.

        Where identity is text, their normalised texts are; a document and a query that go by their
        ids are never the same, whatever they are called.
        """
        if self.identity == "text":
            return normalised_keys(self.frame(side)["text"])
        return id_keys(self.ids(side), side)

    def rows_of(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Replace `query_id`, `doc_id` by row numbers `query`, `doc` (uint32)."""
        queries = self.queries.select("query_id").with_row_index("query")
        docs = self.corpus.select("doc_id").with_row_index("doc")
        return (
            pairs.join(queries, on="query_id", how="inner")
            .join(docs, on="doc_id", how="inner")
            .drop("query_id", "doc_id")
            .select("query", "doc", pl.exclude("query", "doc"))
        )

    def ids_of(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Replace row numbers `query`, `doc` by `query_id`, `doc_id`."""
        return pairs.select(
            self.queries["query_id"].gather(pairs["query"]),
            self.corpus["doc_id"].gather(pairs["doc"]),
            pl.exclude("query", "doc"),
        )

    def doc_texts(self, rows: Rows) -> list[str]:
        """Texts of the documents at `rows`, which must have some (`has`)."""
        return self.corpus["text"].gather(rows).to_list()

    def image_paths(self, side: Side) -> pl.Series:
        """The path of the image of each document, or query; empty where one has none."""
        said, folder = pl.col("image").str.strip_chars(), f"{self.images}/" if self.images else ""
        whole = (said == "") | said.str.starts_with("/")
        path = pl.when(whole).then(said).otherwise(pl.lit(folder) + said)
        return self.frame(side).select(image=path).to_series()

    def query_texts(self, rows: Rows) -> list[str]:
        """Texts of the queries at `rows`."""
        return self.queries["text"].gather(rows).to_list()


def id_keys(ids: pl.Series, side: Side) -> Keys:
    """uint64[n]: keys of ids of one side; never those of the other side's."""
    keys = text_keys(ids)
    return keys if side == "docs" else mix(keys)


def check_collection(collection: Collection, *, lost: Lost = "refuse") -> Collection:
    """Return `collection` if every table has its columns and types, is sorted and resolves.

    With `lost` "count", judgements may name documents that the corpus lacks.

    Readers report bad rows with file and row before this; it is the last gate, and the only one
    for a collection built in Python.
    """
    where = f"collection {collection.name!r}"
    for name, columns in (("qrels", QRELS), ("given", GIVEN)):
        frame: pl.DataFrame = getattr(collection, name)
        if dict(frame.schema) != columns:
            raise DataError(
                f"table {name!r} has columns {dict(frame.schema)}",
                where=where,
                fix=f"give it exactly {columns}",
            )
    _check_side(collection.corpus, "corpus", CORPUS, collection.identity, where)
    _check_side(collection.queries, "queries", QUERIES, collection.identity, where)
    for name in ("qrels", "given"):
        pairs: pl.DataFrame = getattr(collection, name)
        whole = lost == "refuse" or name != "qrels"
        found = (
            collection.rows_of(pairs)
            if whole
            else pairs.join(collection.queries, on="query_id", how="semi")
        )
        dangling = len(pairs) - len(found)
        if dangling:
            raise DataError(
                f"{dangling} rows of {name} name an unknown query or document",
                where=f"collection {collection.name!r}",
                fix="remove them, or add the missing queries and documents",
            )
        if pairs.select("query_id", "doc_id").is_duplicated().any():
            raise DataError(
                f"{name} has a pair twice",
                where=f"collection {collection.name!r}",
                fix="keep one row a pair",
            )
    return collection


def _check_side(
    frame: pl.DataFrame, what: str, columns: Columns, identity: Identity | None, where: str
) -> None:
    """Refuse a corpus, or queries, without the columns that its identity needs, or out of order."""
    key = next(iter(columns))
    wanted = {
        name: dtype
        for name, dtype in columns.items()
        if name != "text" or identity == "text" or name in frame.columns
    }
    content = {name: pl.String for name in CONTENT if name in frame.columns}
    if {name: frame.schema.get(name) for name in wanted | content} != wanted | content:
        raise DataError(
            f"table {what!r} has columns {dict(frame.schema)}",
            where=where,
            fix=f"give it {wanted | content}"
            + (', or identity="id" where there are no texts' if identity == "text" else ""),
        )
    if frame.is_empty():
        raise DataError(
            f"the {what} is empty",
            where=where,
            fix="give it at least one row with an id and a text",
        )
    if any(frame[name].null_count() for name in wanted | content):
        raise DataError(
            f"the {what} has null ids or texts",
            where=where,
            fix="give every row an id and a text",
        )
    ids = frame[key]
    if not ids.is_sorted() or ids.n_unique() != len(ids):
        raise DataError(
            f"{key}s of the {what} are not sorted and unique",
            where=where,
            fix="sort the table by its ids, each once",
        )


def check_ledger(part: pl.DataFrame) -> pl.DataFrame:
    """Return `part` of a ledger if it keeps the invariants of the design, else raise `WorkError`.

    No pair twice; every verdict known; a rule where a pair is not eligible, and only there, and a
    reason with it; no pair judged relevant is eligible, and none judged is merely eligible.
    """
    for expected in (LEDGER_HEAD, LEDGER_TAIL):
        for column, dtype in expected.items():
            if part.schema.get(column) != dtype:
                raise WorkError(
                    f"ledger column {column!r} is {part.schema.get(column)}, not {dtype}"
                )
    verdict, rule = pl.col("verdict"), pl.col("rule")
    eligible, relevance = verdict == ELIGIBLE, pl.col("relevance")
    wrong = {
        "pairs listed twice": pl.struct(PAIR).is_duplicated(),
        "unknown verdicts": ~verdict.fill_null("").is_in(VERDICTS),
        "verdicts without a reason": ~eligible & (pl.col("reason") == ""),
        "verdicts without a rule": ~eligible & (rule == ""),
        "rules of eligible pairs": eligible & (rule != ""),
        "judged pairs left eligible": eligible & relevance.is_not_null(),
        "positives not called positive": (verdict != POSITIVE) & (relevance > 0),
    }
    counts = part.select(rows.sum().alias(what) for what, rows in wrong.items()).row(0, named=True)
    broken = [f"{count} {what}" for what, count in counts.items() if count]
    if broken:
        raise WorkError("the ledger breaks its invariants: " + "; ".join(broken))
    return part

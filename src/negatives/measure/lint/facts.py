"""A mined file as keys: one pass over its rows, after which no text is held.

Memory: about 60 bytes a document listed, and 70 a distinct text, whatever the lengths of the texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Keys
from negatives.errors import DataError
from negatives.events import Emit, Progress
from negatives.measure.lint.reference import ReferenceTexts, TestSet
from negatives.measure.lint.text_tables import BLANK, Measuring, TextTable
from negatives.read.findings import Findings
from negatives.read.mined.reading import blocks
from negatives.read.mined.rows import MinedFile
from negatives.schema import Side
from negatives.text.keys import text_keys

QUERIES: Final = pl.Schema({"row": pl.UInt32, "query": pl.UInt64, "query_text": pl.UInt64})
DOCUMENTS: Final = pl.Schema(
    {"row": pl.UInt32, "place": pl.Int32, "id": pl.UInt64, "text": pl.UInt64}
)


@dataclass(frozen=True)
class FileFacts:
    """All that the rules know.

    `queries`: row, query (key of its id, or of its text where it has none), query_text.
    `positives`, `negatives`: row, place, id (key, null where there is none), text.
    `judged`: query, query_normal, id, text of positives that only the collection knows.
    """

    mined: MinedFile
    texts: TextTable
    queries: pl.DataFrame
    positives: pl.DataFrame
    negatives: pl.DataFrame
    judged: pl.DataFrame
    tests: tuple[TestSet, ...]
    notes: tuple[str, ...] = ()
    """What is odd about how the file is read."""

    @cached_property
    def asked(self) -> pl.DataFrame:
        """row, place, query, query_text, query_normal, id, text, normal of each negative."""
        of_row = self.queries.with_columns(
            query_normal=self.texts.normals(self.queries["query_text"])
        )
        return self.negatives.join(
            of_row, on="row", how="left", maintain_order="left"
        ).with_columns(normal=self.texts.normals(self.negatives["text"]))

    @cached_property
    def usable(self) -> pl.DataFrame:
        """The negatives that have a text, and whose query has one."""
        return self.asked.filter(pl.col("text") != BLANK, pl.col("query_text") != BLANK)

    @cached_property
    def known(self) -> pl.DataFrame:
        """query, query_normal, id, text, normal, of_row of each distinct positive.

        `of_row`: the first row of the file that says so; null where only the collection does.
        """
        from_file = (
            self.positives.join(self.queries, on="row", how="left")
            .group_by("query", "query_text", "id", "text")
            .agg(of_row=pl.col("row").min())
        )
        from_file = from_file.with_columns(query_normal=self.texts.normals(from_file["query_text"]))
        columns = ["query", "query_normal", "id", "text", "of_row"]
        judged = self.judged.with_columns(of_row=pl.lit(None, dtype=pl.UInt32))
        both = pl.concat([from_file.select(columns), judged.select(columns)])
        both = both.with_columns(normal=self.texts.normals(both["text"]))
        return both.filter(pl.col("text") != BLANK).sort("of_row", "query", "text", nulls_last=True)

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(self.queries)

    @cached_property
    def distinct_queries(self) -> int:
        """Queries of the file."""
        return self.queries["query"].n_unique()


def facts_of(
    mined: MinedFile, reference: ReferenceTexts | None, tests: tuple[TestSet, ...], emit: Emit
) -> FileFacts:
    """Read the file once; `DataError` when it holds no negative at all."""
    measuring = Measuring(None if reference is None else reference.sorted_texts)
    queries = [pl.DataFrame(schema=QUERIES)]
    positives, negatives = [pl.DataFrame(schema=DOCUMENTS)], [pl.DataFrame(schema=DOCUMENTS)]
    done = 0
    found = Findings()

    def measured(rows: pl.DataFrame, side: Side) -> Keys:
        """Keys of the texts of some rows; where the collection goes by ids, of these."""
        if reference is not None and reference.by_id:
            return measuring.add_ids(rows["id"], side)
        return measuring.add(rows["text"].fill_null(""))

    for block in blocks(mined, found):
        text = measured(block.queries, "queries")
        ids = _keys(block.queries["id"])
        identity = ids.fill_null(pl.Series(text))
        made = block.queries.select("row", query=identity, query_text=pl.Series(text))
        queries.append(made.cast(QUERIES))
        for into, docs in ((positives, block.positives), (negatives, block.negatives)):
            keys = measured(docs, "docs")
            made = docs.select("row", "place", id=_keys(docs["id"]), text=pl.Series(keys))
            into.append(made.cast(DOCUMENTS))
        done += len(block.queries)
        emit(Progress("read", done, 0, "rows"))
    found.done()
    asked = pl.concat(queries)
    given = pl.concat(negatives)
    if given.is_empty():
        raise DataError(
            "there is no negative in the file",
            where=str(mined.path),
            fix="name a file of mined negatives"
            if not mined.layout.label
            else "negatives are rows whose label is 0",
        )
    judged = _judged(reference, asked, bool(mined.layout.query_id), measuring)
    return FileFacts(
        mined=mined,
        texts=measuring.done(),
        queries=asked,
        positives=pl.concat(positives),
        negatives=given,
        judged=judged,
        tests=tests,
        notes=found.notes,
    )


def _keys(ids: pl.Series) -> pl.Series:
    """Keys of ids; null where there is none."""
    if ids.null_count() == len(ids):
        return pl.Series([None] * len(ids), dtype=pl.UInt64)
    return pl.select(pl.when(ids.is_not_null()).then(pl.Series(text_keys(ids)))).to_series()


def _judged(
    reference: ReferenceTexts | None, asked: pl.DataFrame, by_id: bool, measuring: Measuring
) -> pl.DataFrame:
    """The collection's positives of the file's queries; their texts are measured too."""
    columns = {"query": pl.UInt64, "query_normal": pl.UInt64, "id": pl.UInt64, "text": pl.UInt64}
    if reference is None:
        return pl.DataFrame(schema=columns)
    found = reference.positives
    key = "query_id" if by_id else "query_text"
    distinct = asked.select("query", "query_text").unique()
    mine = pl.col(key).is_in(distinct["query"].implode())
    same_text = pl.col("query_text").is_in(distinct["query_text"].implode())
    found = found.filter(mine | same_text).rename({key: "query"})
    if reference.by_id:
        own = measuring.add_ids(reference.collection.corpus["doc_id"].gather(found["doc"]), "docs")
        return found.with_columns(text=pl.Series(own)).select([*columns])
    corpus = reference.collection.corpus["text"]
    texts = [measuring.add(corpus.gather(part["doc"])) for part in found.iter_slices(1 << 14)]
    text = np.concatenate(texts) if texts else np.empty(0, np.uint64)
    return found.with_columns(text=pl.Series(text, dtype=pl.UInt64)).select([*columns])

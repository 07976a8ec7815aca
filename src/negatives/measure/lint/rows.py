"""The rows of a mined file in one form, whatever its layout: queries, positives, negatives.

Rows are numbered from 1 in the order of the file, a header not counted. `place` is where in its row
a document stands (0-based, among the documents of its columns), so that it can be found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.measure.lint.layout import Layout, Part
from negatives.measure.lint.source import Source
from negatives.schema import Collection

DOCS: Final = pl.Schema({"row": pl.UInt32, "place": pl.Int32, "id": pl.String, "text": pl.String})


@dataclass(frozen=True)
class Block:
    """Some consecutive rows: `queries` (row, id, text), `positives` and `negatives` (and place).

    Ids are null where the file has none; a document without id and text is not listed. A text that
    is null was null in the file, of a query or a document that it names.
    """

    queries: pl.DataFrame
    positives: pl.DataFrame
    negatives: pl.DataFrame


@dataclass(frozen=True)
class Mined:
    """A mined file to be read: its source, its layout, and the collection that knows its ids."""

    source: Source
    layout: Layout
    collection: Collection | None

    def blocks(self) -> Iterator[Block]:
        """All rows, in order."""
        for table in self.tables():
            yield block_of(table, self)

    def tables(self) -> Iterator[pl.DataFrame]:
        """All rows as they are in the file, with `row`, the columns that matter."""
        start = 1
        for table in self.source.tables(self.layout.columns):
            yield numbered(table, start)
            start += len(table)


def numbered(table: pl.DataFrame, start: int) -> pl.DataFrame:
    """`table` with its rows numbered from `start`."""
    return table.with_columns(pl.int_range(start, start + len(table), dtype=pl.UInt32).alias(AT))


AT: Final = " row"
"""A name that no column of a file has."""


def block_of(table: pl.DataFrame, mined: Mined) -> Block:
    """The block of a numbered table."""
    layout = mined.layout
    queries = table.select(
        pl.col(AT).alias("row"), _string(layout.query_id, "id"), _string(layout.query, "text")
    )
    if layout.shape == "wide":
        positives = _documents(table, layout.positives, mined)
        negatives = _documents(table, layout.negatives, mined)
    else:
        positives, negatives = _labelled(table, mined)
    return Block(
        _with_texts(queries, "query", mined),
        _with_texts(positives, "doc", mined),
        _with_texts(negatives, "doc", mined),
    )


def _string(column: str, name: str) -> pl.Expr:
    if not column:
        return pl.lit(None, dtype=pl.String).alias(name)
    return pl.col(column).cast(pl.String).alias(name)


def _documents(table: pl.DataFrame, parts: tuple[Part, ...], mined: Mined) -> pl.DataFrame:
    """row, place, id, text of the documents of some columns."""
    ids, texts = [], []
    for part in parts:
        column = pl.col(part.column)
        if part.kind == "passage":
            column = column.fill_null([])
            names = {field.name for field in table.schema[part.column].inner.fields}  # type: ignore[attr-defined]
            if "docid" in names:
                ids.append(column.list.eval(pl.element().struct.field("docid").cast(pl.String)))
            texts.append(column.list.eval(_joined(names)))
        else:
            listed = pl.List(pl.String) if part.listed else pl.String
            column = column.cast(listed)
            # No list is an empty one; a null in place of a text keeps its place.
            column = column.fill_null([]) if part.listed else column
            (ids if part.kind == "id" else texts).append(column)
    lists = table.select(
        pl.col(AT).alias("row"),
        id=_concatenated(ids),
        text=_concatenated(texts),
    )
    count = pl.max_horizontal(pl.col("id").list.len(), pl.col("text").list.len()).fill_null(0)
    lists = lists.with_columns(place=pl.int_ranges(0, count, dtype=pl.Int32))
    columns = ["place", *(["id"] if ids else []), *(["text"] if texts else [])]
    lists = lists.filter(pl.col("place").list.len() > 0)
    if ids and texts:
        uneven = lists.filter(pl.col("id").list.len() != pl.col("text").list.len())
        if len(uneven):
            raise DataError(
                f"row {uneven['row'][0]:,} has {uneven['id'].list.len()[0]} ids "
                f"for {uneven['text'].list.len()[0]} texts",
                where=str(mined.source.path),
                mend="give each text its id",
            )
    documents = lists.explode(columns).select("row", "place", "id", "text")
    documents = documents.cast(DOCS)
    return documents.filter(pl.col("id").is_not_null() | pl.col("text").is_not_null())


def _joined(names: set[str]) -> pl.Expr:
    """The text of a passage with these fields, its title before it, as in a corpus."""
    text = pl.element().struct.field("text").cast(pl.String)
    if "title" not in names:
        return text
    title = pl.element().struct.field("title").cast(pl.String).fill_null("").str.strip_chars()
    return pl.when(title == "").then(text).otherwise(title + " " + text.fill_null(""))


def _concatenated(lists: list[pl.Expr]) -> pl.Expr:
    if not lists:
        return pl.lit(None, dtype=pl.List(pl.String))
    return pl.concat_list(lists)


def _labelled(table: pl.DataFrame, mined: Mined) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents with a label above 0, and those of label 0; below 0 nobody has judged."""
    layout = mined.layout
    documents = _documents(table, layout.negatives, mined)
    if not layout.label:
        return documents.clear(), documents
    labels = table.select(pl.col(AT).alias("row"), label=pl.col(layout.label))
    if layout.shape == "list":
        lengths = labels["label"].list.len()
        place = pl.int_ranges(0, lengths.fill_null(0), dtype=pl.Int32)
        labels = labels.with_columns(place=place).filter(pl.col("label").list.len() > 0)
        labels = labels.explode("label", "place")
        documents = documents.join(labels, on=["row", "place"], how="left", maintain_order="left")
    else:
        documents = documents.join(labels, on="row", how="left", maintain_order="left")
    label = pl.col("label")
    if documents["label"].dtype == pl.String:
        label = label.str.strip_chars()
    documents = documents.with_columns(label.cast(pl.Float64, strict=False))
    whole = pl.col("label").is_not_null() & (pl.col("label") == pl.col("label").round())
    odd = documents.filter(~whole)
    if len(odd):
        value = odd["label"][0]
        raise DataError(
            f"row {odd['row'][0]:,} has {'no label' if value is None else f'the label {value:g}'}: "
            "above 0 is a positive, 0 a negative, below 0 unjudged",
            where=str(mined.source.path),
            mend="write whole numbers; scores of a teacher do not tell which are negatives",
        )
    return (
        documents.filter(pl.col("label") > 0).select([*DOCS]),
        documents.filter(pl.col("label") == 0).select([*DOCS]),
    )


def _with_texts(frame: pl.DataFrame, side: str, mined: Mined) -> pl.DataFrame:
    """`frame` with the texts of its ids, where the file gives ids only."""
    if frame["text"].null_count() < len(frame) or frame["id"].null_count() == len(frame):
        return frame.with_columns(pl.col("text").fill_null("").str.strip_chars())
    if mined.collection is None:
        raise DataError(
            f"the file holds {side} ids, and no texts",
            where=str(mined.source.path),
            mend="name the collection that has them: --data DATA",
        )
    known = mined.collection.queries if side == "query" else mined.collection.corpus
    ids = frame["id"].fill_null("")
    at = known[f"{side}_id"].search_sorted(ids).clip(0, len(known) - 1)
    strange = known[f"{side}_id"].gather(at) != ids
    if strange.any():
        first = frame.filter(strange)
        count = first["id"].n_unique()
        raise DataError(
            f"{count:,} {side} {'id is' if count == 1 else 'ids are'} not in the collection "
            f"{mined.collection.name!r}: {first['id'][0]!r} in row {first['row'][0]:,}",
            where=str(mined.source.path),
            mend="name with --data the collection that the file was mined from, and its split: "
            "DATA@SPLIT",
        )
    return frame.with_columns(known["text"].gather(at).alias("text"))

"""Anybody's file of mined negatives as a collection and its negatives."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from negatives.errors import DataError
from negatives.judge.texts import normalised_keys
from negatives.measure.lint.layout import layout_of
from negatives.measure.lint.rows import Mined
from negatives.measure.lint.source import source
from negatives.schema import Collection


def read_mined_file(path: Path) -> tuple[Collection, pl.DataFrame]:
    """The collection that the file's texts make, and query_id, doc_id, position, p_relevant.

    Every layout that `negatives lint` reads, as long as the texts are in it. Texts get ids of their
    own, one to a text; a text that is a positive of a query anywhere in the file is one everywhere,
    case, punctuation and white space aside.
    """
    src = source(path)
    layout = layout_of(src.columns, str(path))
    if not layout.has_texts:
        raise DataError(
            "the file has ids and no texts to train with",
            where=str(path),
            mend="export it with texts, or train with the run",
        )
    sides: dict[str, list[pl.DataFrame]] = {"queries": [], "positives": [], "negatives": []}
    for block in Mined(src, layout, None).blocks():
        for name, parts in sides.items():
            parts.append(getattr(block, name))
    queries, positives, negatives = (
        pl.concat(parts).filter(pl.col("text").is_not_null() & (pl.col("text") != ""))
        for parts in sides.values()
    )
    if positives.is_empty():
        raise DataError("the file has no positives", where=str(path), mend="add a column of them")
    docs = _numbered(pl.concat([positives["text"], negatives["text"]]), "doc_id")
    asked = _numbered(queries["text"], "query_id")
    of_row = queries.select("row", "text").join(asked, on="text").select("row", "query_id")

    def pairs(side: pl.DataFrame) -> pl.DataFrame:
        return (
            side.join(of_row, on="row")
            .join(docs, on="text")
            .sort("row", "place")
            .select("query_id", "doc_id")
            .unique(maintain_order=True)
        )

    def keyed(side: pl.DataFrame) -> pl.DataFrame:
        asks = asked.select("query_id", asks="key")
        shows = docs.select("doc_id", shows="key")
        return side.join(asks, on="query_id", maintain_order="left").join(
            shows, on="doc_id", maintain_order="left"
        )

    relevant = pairs(positives).with_columns(relevance=pl.lit(1, pl.Int32))
    collection = Collection(
        name=path.name,
        split="train",
        corpus=_table(docs, "doc_id"),
        queries=_table(asked, "query_id"),
        qrels=relevant.sort("query_id", "doc_id"),
    )
    mined = keyed(pairs(negatives)).join(
        keyed(relevant), on=["asks", "shows"], how="anti", maintain_order="left"
    )
    mined = mined.select("query_id", "doc_id").sort(pl.col("query_id"), maintain_order=True)
    return collection, mined.with_columns(
        position=pl.int_range(pl.len()).over("query_id").cast(pl.Int16),
        p_relevant=pl.lit(None, pl.Float32),
    )


def _numbered(texts: pl.Series, name: str) -> pl.DataFrame:
    """text, id and normalised key of each distinct text, in order of appearance; ids sort so."""
    distinct = texts.unique(maintain_order=True)
    width = len(str(len(distinct)))
    numbers = pl.int_range(len(distinct), eager=True).cast(pl.String).str.zfill(width)
    return pl.DataFrame({"text": distinct, name: numbers, "key": normalised_keys(distinct)})


def _table(texts: pl.DataFrame, name: str) -> pl.DataFrame:
    return texts.select(name, "text", row=pl.int_range(pl.len(), dtype=pl.UInt32))

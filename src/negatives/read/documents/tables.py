"""A table with a document a row: JSONL, JSON, CSV, TSV or Parquet, or one that is handed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from negatives.errors import DataError
from negatives.read.documents.parts import Part
from negatives.read.documents.plain import text_parts
from negatives.read.findings import Findings
from negatives.read.gathered import in_order
from negatives.read.mappings import is_mapping
from negatives.read.memory import is_named, side_of
from negatives.read.texts import columns_of, text_fields

TITLE = "title"


def table_of_documents(data: Any, findings: Findings) -> pl.DataFrame:
    """doc_id, title, text, and further fields of the documents, in the order of their ids.

    Those without ids get some from their texts.
    """
    if is_named(data) and not is_mapping(Path(data)):
        refuse_no_texts(columns_of(Path(data)), str(data))
    table = in_order(side_of(data, "doc_id", findings, made=True), "doc_id", findings)
    findings.done()
    if TITLE not in table.columns:
        table = table.with_columns(pl.lit(None, pl.String).alias(TITLE))
    # Titles are put before the texts when a table is read, and stand apart in a passage.
    text = pl.coalesce(pl.col("text").str.strip_prefix(pl.col(TITLE)), "text").str.strip_chars()
    return table.with_columns(text.alias("text")).drop("row", "file", "line", strict=False)


def refuse_no_texts(columns: list[str], where: str) -> None:
    """Raise `DataError` where no column holds texts of documents."""
    if text_fields(columns, "doc_id", made=True)["text"].name not in columns:
        raise DataError(
            f"no column of texts among {', '.join(map(repr, columns[:8]))}",
            where=where,
            fix="give each document a text, in a column such as text, content or body; pairs of "
            "questions and answers are for `negatives mine`",
        )


def rows_of(table: pl.DataFrame) -> Iterator[tuple[str, str, Iterator[Part], dict[str, Any]]]:
    """Id, title, parts and further fields of each document."""
    for row in table.iter_rows(named=True):
        name, title, text = row.pop("doc_id"), row.pop(TITLE), row.pop("text")
        fields = {key: value for key, value in row.items() if value is not None}
        yield name, title or "", text_parts([text]), fields

"""PyLate's knowledge distillation: query_id, document_ids, scores, and the texts beside them.

Its `KDProcessing` finds the texts in two more tables, of query_id and text and of document_id and
text, and keeps the first `n_ways` documents of a row: positives come first.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_QUERY, Ask, PairFormat, Part
from negatives.export.blocks import ExportBlock
from negatives.export.pairs import with_texts
from negatives.export.parts import documents, queries


def rows(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """query_id, document_ids, scores: one row a query, its positives and then its negatives."""
    pairs = with_texts(block, ask.texts).by_query()
    return pairs.select(
        "query_id",
        pl.concat_list("doc_id", "doc_id_negative").alias("document_ids"),
        pl.concat_list("score", "score_negative").alias("scores"),
    )


def tables(ask: Ask) -> tuple[Part, ...]:
    """The texts of both sides."""
    return (
        queries(ask, "queries", "the queries of KDProcessing", id="query_id"),
        documents(ask, "documents", "the documents of KDProcessing", id="document_id"),
    )


FORMATS: Final = {
    "pylate-kd": PairFormat(
        "PyLate distillation: query_id, document_ids, scores; a row a query, texts beside",
        (".parquet", ".jsonl"),
        rows,
        rows_of_query=EACH_QUERY,
        texts="beside",
        no_ids="pylate-kd holds ids already",
        scores="needed",
        others=tables,
    ),
}

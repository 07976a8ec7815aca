"""Cohere's lines for fine-tuning Rerank: query, relevant_passages, hard_negatives."""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_QUERY, Ask, PairFormat
from negatives.export.blocks import ExportBlock
from negatives.export.pairs import with_texts


def lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """One line a query; LlamaIndex's fine-tuning of Cohere's reranker reads the same."""
    return (
        with_texts(block, ask.texts)
        .by_query()
        .select(
            "query",
            pl.col("doc").alias("relevant_passages"),
            pl.col("doc_negative").alias("hard_negatives"),
        )
    )


FORMATS: Final = {
    "cohere": PairFormat(
        "Cohere rerank: query, relevant_passages, hard_negatives; a line a query",
        (".jsonl",),
        lines,
        rows_of_query=EACH_QUERY,
        no_ids="Cohere's lines hold texts, and nothing else",
        scores="never",
        no_scores=("Cohere's lines have no place for scores", "leave out scores"),
    ),
}

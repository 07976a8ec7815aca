"""ms-swift's lines for embedding models and rerankers: conversations of one message each.

An embedding's trainer takes exactly one positive a line, so each positive has a line of its own
with all negatives of its query; a reranker's takes as many as there are, and draws from them.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_POSITIVE, EACH_QUERY, Ask, PairFormat
from negatives.export.blocks import ExportBlock
from negatives.export.fewer import some_positives
from negatives.export.pairs import with_texts


def embedding_lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """messages, positive_messages (one), negative_messages: each positive with all negatives."""
    pairs = some_positives(with_texts(block, ask.texts), ask)
    rows = pairs.by_positive()
    return _lines(rows.with_columns(doc=pl.concat_list("doc")), "user")


def reranker_lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """messages, positive_messages, negative_messages: one line a query."""
    return _lines(with_texts(block, ask.texts).by_query(), "assistant")


def _lines(rows: pl.DataFrame, role: str) -> pl.DataFrame:
    return rows.select(
        messages=pl.concat_list(_message("user", pl.col("query"))),
        positive_messages=_conversations(pl.col("doc"), role),
        negative_messages=_conversations(pl.col("doc_negative"), role),
    )


def _conversations(texts: pl.Expr, role: str) -> pl.Expr:
    """A conversation of one message for each text of a list."""
    return texts.list.eval(pl.concat_list(_message(role, pl.element())))


def _message(role: str, text: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("role"), text.alias("content"))


_NO_SCORES: Final = ("ms-swift's lines have no place for scores", "leave out scores")
_NO_IDS: Final = "ms-swift's lines hold texts, and nothing else"

FORMATS: Final = {
    "ms-swift": PairFormat(
        "ms-swift embedding: messages, positive_messages, negative_messages; a line a positive",
        (".jsonl",),
        embedding_lines,
        options=("rows_per_query",),
        rows_of_query=EACH_POSITIVE,
        no_ids=_NO_IDS,
        scores="never",
        no_scores=_NO_SCORES,
    ),
    "ms-swift-reranker": PairFormat(
        "ms-swift reranker: messages, positive_messages, negative_messages; a line a query",
        (".jsonl",),
        reranker_lines,
        rows_of_query=EACH_QUERY,
        no_ids=_NO_IDS,
        scores="never",
        no_scores=_NO_SCORES,
    ),
}

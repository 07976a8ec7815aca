"""Tevatron's training lines, in both forms that its trainer knows.

With texts: query_id, query, positive_passages, negative_passages, each passage with docid, title
and text. With ids: query_id, query_text, positive_document_ids, negative_document_ids, to be read
beside a corpus with docid and text.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_QUERY, Ask, PairFormat, Part
from negatives.export.blocks import ExportBlock
from negatives.export.pairs import with_ids, with_texts
from negatives.export.parts import documents

_POSITIVE: Final = ["score"]
_ORIGIN: Final = ["relabelled"]
_NEGATIVE: Final = ["score", "hardness", "p_relevant"]


def lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """One row a query, in the form asked for."""
    return _by_id(block, ask) if ask.ids else _with_passages(block, ask)


def _with_passages(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    pairs = with_texts(block, ask.texts)
    positive = [*(_POSITIVE if ask.scores else []), *(_ORIGIN if ask.positives != "known" else [])]
    positives = _passages(pairs.positives, "positive_passages", positive)
    negatives = _passages(pairs.negatives, "negative_passages", _NEGATIVE if ask.scores else [])
    return positives.join(negatives.drop("query"), on="query_id", maintain_order="left")


def _passages(pairs: pl.DataFrame, name: str, evidence: list[str]) -> pl.DataFrame:
    # The title is part of the text here; its reranker fails on a passage without the field.
    passage = pl.struct(
        pl.col("doc_id").alias("docid"),
        pl.lit("").alias("title"),
        pl.col("doc").alias("text"),
        *evidence,
    )
    return pairs.group_by("query_id", "query", maintain_order=True).agg(passage.alias(name))


def _by_id(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    rows = with_ids(block).by_query()
    scores = {
        "positive_scores": "score",
        "negative_scores": "score_negative",
        "negative_hardness": "hardness",
        "negative_p_relevant": "p_relevant_negative",
    }
    return rows.select(
        "query_id",
        ask.texts.queries(rows["query_id"]).alias("query_text"),
        pl.col("doc").alias("positive_document_ids"),
        pl.col("doc_negative").alias("negative_document_ids"),
        *(pl.col(source).alias(name) for name, source in scores.items() if ask.scores),
        *(pl.col(name).alias(f"positive_{name}") for name in _ORIGIN if ask.positives != "known"),
    )


def corpus(ask: Ask) -> tuple[Part, ...]:
    """The documents that ids name; with texts, the lines hold them themselves."""
    about = "the corpus of the ids (--corpus_path)"
    return (documents(ask, "corpus", about, id="docid"),) if ask.ids else ()


FORMATS: Final = {
    "tevatron": PairFormat(
        "Tevatron: query_id, query, positive_passages, negative_passages; a line a query",
        (".jsonl",),
        lines,
        rows_of_query=EACH_QUERY,
        others=corpus,
    ),
}

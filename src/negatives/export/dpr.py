"""DPR's training examples: question, positive_ctxs, negative_ctxs, hard_negative_ctxs.

Its reader loads a file as one JSON array; later ones read a line each. It opens `title` and `text`
of every passage, and all three lists of an example, of which one is empty here: mined negatives are
hard ones. The title is empty, for here it is part of the text.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_QUERY, Ask, PairFormat
from negatives.export.blocks import ExportBlock
from negatives.export.pairs import with_texts


def examples(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """One example a query; with scores, each passage has its own."""
    pairs = with_texts(block, ask.texts)
    passage = pl.struct(
        pl.lit("").alias("title"),
        pl.col("doc").alias("text"),
        *(["score"] if ask.scores else []),
        pl.col("doc_id").alias("passage_id"),
    )
    positives, negatives = (
        side.group_by("query_id", "query", maintain_order=True).agg(ctxs=passage)
        for side in (pairs.positives, pairs.negatives)
    )
    found = positives.join(
        negatives.drop("query"), on="query_id", suffix="_hard", maintain_order="left"
    )
    none = pl.lit([], pl.List(pl.String)).alias("answers")
    return found.select(
        pl.col("query").alias("question"),
        none,
        pl.col("ctxs").alias("positive_ctxs"),
        pl.col("ctxs").list.head(0).alias("negative_ctxs"),
        pl.col("ctxs_hard").alias("hard_negative_ctxs"),
    )


FORMATS: Final = {
    "dpr": PairFormat(
        "DPR: question, positive_ctxs, hard_negative_ctxs; an example a query",
        (".json", ".jsonl"),
        examples,
        rows_of_query=EACH_QUERY,
        no_ids="DPR's passages have their ids beside the texts already",
    ),
}

"""TRL's two shapes of preferences: a completion against another, and each by itself.

The prompt is the query, a completion a document.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_DOCUMENT, EACH_PAIR, Ask, PairFormat
from negatives.export.blocks import ExportBlock
from negatives.export.fewer import crossed
from negatives.export.pairs import with_texts

_TABLES: Final = (".parquet", ".jsonl", ".csv", ".tsv")
_NO_IDS: Final = "TRL reads texts, and nothing else"


def preferences(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """prompt, chosen, rejected: each positive with each negative of its query.

    With scores, `score_chosen` and `score_rejected`, which its trainers pass over.
    """
    rows = crossed(with_texts(block, ask.texts), ask)
    columns = {"prompt": "query", "chosen": "doc", "rejected": "doc_negative"}
    if ask.scores:
        columns |= {"score_chosen": "score", "score_rejected": "score_negative"}
    return rows.select(pl.col(source).alias(name) for name, source in columns.items())


def completions(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """prompt, completion, label: each positive once with true, each negative once with false."""
    pairs = with_texts(block, ask.texts)
    columns = [
        pl.col("query_id"),
        pl.col("query").alias("prompt"),
        pl.col("doc").alias("completion"),
    ]
    rows = pl.concat(
        [
            pairs.positives.select(*columns, label=pl.lit(True)),
            pairs.negatives.select(*columns, label=pl.lit(False)),
        ]
    ).sort("query_id", maintain_order=True)
    return rows.drop("query_id")


FORMATS: Final = {
    "preference": PairFormat(
        "TRL preference (DPO): prompt, chosen, rejected; a row a (positive, negative)",
        _TABLES,
        preferences,
        options=("rows_per_query",),
        rows_of_query=EACH_PAIR,
        no_ids=_NO_IDS,
    ),
    "kto": PairFormat(
        "TRL unpaired preference (KTO): prompt, completion, label; a row a pair",
        _TABLES,
        completions,
        rows_of_query=EACH_DOCUMENT,
        no_ids=_NO_IDS,
        scores="never",
        no_scores=("KTO learns from labels, and has no place for scores", "leave out scores"),
    ),
}

"""The four shapes that sentence-transformers' losses take.

Its trainers read columns by their order, and any column that is not called label, labels, score
or scores as a text to encode. So these files hold no other column: what they hold trains as it is.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import (
    EACH_DOCUMENT,
    EACH_PAIR,
    EACH_POSITIVE,
    EACH_QUERY,
    Ask,
    PairFormat,
)
from negatives.export.blocks import ExportBlock
from negatives.export.fewer import crossed, some_positives
from negatives.export.pairs import PairsFormat, as_asked

_TABLES: Final = (".parquet", ".jsonl", ".csv", ".tsv")


def triplets(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """anchor, positive, negative: each positive with each negative of its query.

    With scores, `scores` = [positive's, negative's].
    """
    rows = crossed(as_asked(block, ask), ask)
    return rows.select(
        pl.col("query").alias(ask.column("anchor")),
        pl.col("doc").alias(ask.column("positive")),
        pl.col("doc_negative").alias(ask.column("negative")),
        *_listed(ask, pl.concat_list("score", "score_negative").alias("scores")),
    )


def n_tuples(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """anchor, positive, negative_1 .. negative_n: each positive with all negatives of its query.

    With scores, `scores` = [positive's, negative_1's .. negative_n's].
    """
    pairs = some_positives(as_asked(block, ask), ask)
    negatives = pairs.negatives.group_by("query_id", maintain_order=True).agg(
        "doc", "score", count=pl.len().cast(pl.Int64)
    )
    if ask.short == "drop":
        negatives = negatives.filter(pl.col("count") == ask.width)
    rows = pairs.positives.join(negatives, on="query_id", suffix="_negative", maintain_order="left")
    places = [pl.lit(place, pl.Int64) % pl.col("count") for place in range(ask.width)]
    scores = [pl.col("score_negative").list.get(place) for place in places]
    return rows.select(
        pl.col("query").alias(ask.column("anchor")),
        pl.col("doc").alias(ask.column("positive")),
        *(
            pl.col("doc_negative").list.get(place).alias(ask.column(f"negative_{number}"))
            for number, place in enumerate(places, start=1)
        ),
        *_listed(ask, pl.concat_list("score", *scores).alias("scores")),
    )


def labeled_pairs(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """anchor, passage, label: each positive once with 1, each negative once with 0.

    With scores, `score` stands in place of `label`. Soft labels are p_relevant, known positives' 1.
    """
    pairs = as_asked(block, ask)
    columns = ["query_id", "query", "doc", "score"]
    rows = pl.concat(
        [
            pairs.positives.select(*columns, label=_label(ask, 1)),
            pairs.negatives.select(*columns, label=_label(ask, 0)),
        ]
    ).sort("query_id", maintain_order=True)
    return rows.select(
        pl.col("query").alias(ask.column("anchor")),
        pl.col("doc").alias(ask.column("passage")),
        "score" if ask.scores else "label",
    )


def labeled_lists(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """query, docs, labels: one row a query, all its positives (1), then its negatives (0).

    With scores, `scores` stands in place of `labels`. Soft labels are as in `labeled_pairs`.
    """
    pairs = as_asked(block, ask)
    rows = PairsFormat(
        pairs.positives.with_columns(label=_label(ask, 1)),
        pairs.negatives.with_columns(label=_label(ask, 0)),
    ).by_query()
    return rows.select(
        pl.col("query").alias(ask.column("query")),
        pl.concat_list("doc", "doc_negative").alias("doc_ids" if ask.ids else "docs"),
        pl.concat_list("score", "score_negative").alias("scores")
        if ask.scores
        else pl.concat_list("label", "label_negative").alias("labels"),
    )


def _label(ask: Ask, hard: int) -> pl.Expr:
    """The label of positives (1) or negatives (0); a judged negative has no p_relevant, and 0."""
    return pl.lit(hard, pl.Int64) if ask.labels == "hard" else pl.col("p_relevant").fill_null(0.0)


def _listed(ask: Ask, scores: pl.Expr) -> list[pl.Expr]:
    return [scores] if ask.scores else []


FORMATS: Final = {
    "triplet": PairFormat(
        "sentence-transformers: anchor, positive, negative; a row a (positive, negative)",
        _TABLES,
        triplets,
        options=("rows_per_query",),
        rows_of_query=EACH_PAIR,
    ),
    "n-tuple": PairFormat(
        "sentence-transformers: anchor, positive, negative_1 .. negative_n; a row a positive",
        _TABLES,
        n_tuples,
        options=("short", "rows_per_query"),
        rows_of_query=EACH_POSITIVE,
    ),
    "labeled-pair": PairFormat(
        "sentence-transformers CrossEncoder: anchor, passage, label (1 or 0); a row a pair",
        _TABLES,
        labeled_pairs,
        options=("labels",),
        rows_of_query=EACH_DOCUMENT,
    ),
    "labeled-list": PairFormat(
        "sentence-transformers CrossEncoder, listwise: query, docs, labels; a row a query",
        (".parquet", ".jsonl"),
        labeled_lists,
        options=("labels",),
        rows_of_query=EACH_QUERY,
    ),
}

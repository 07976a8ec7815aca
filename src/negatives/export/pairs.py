"""The pairs of a block as a training format sees them: texts or ids, and only usable queries."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from negatives.export.ask import Ask
from negatives.export.blocks import ExportBlock
from negatives.export.texts import ExportTexts, blank


@dataclass(frozen=True)
class PairsFormat:
    """Positives and negatives of the queries that have at least one of each.

    Both frames have the columns of a block, and `query` and `doc`: the texts, or the ids again.
    """

    positives: pl.DataFrame
    negatives: pl.DataFrame

    def by_query(self) -> pl.DataFrame:
        """One row a query: query_id, query, and the other columns as lists.

        A column that both sides have is the positives', and with `_negative` the negatives'.
        """
        negatives = self.negatives.drop("query").group_by("query_id", maintain_order=True).all()
        return (
            self.positives.group_by("query_id", "query", maintain_order=True)
            .all()
            .join(negatives, on="query_id", suffix="_negative", maintain_order="left")
        )

    def by_positive(self) -> pl.DataFrame:
        """One row a positive, with the negatives of its query as lists, named as in `by_query`."""
        negatives = self.negatives.drop("query").group_by("query_id", maintain_order=True).all()
        return self.positives.join(
            negatives, on="query_id", suffix="_negative", maintain_order="left"
        )


def with_ids(block: ExportBlock) -> PairsFormat:
    """Ids in place of the texts."""
    named = [pl.col("query_id").alias("query"), pl.col("doc_id").alias("doc")]
    return _usable(block.positives.with_columns(named), block.negatives.with_columns(named))


def with_texts(block: ExportBlock, texts: ExportTexts) -> PairsFormat:
    """Texts; a pair of which one side has none is left out."""
    return _usable(_texts_of(block.positives, texts), _texts_of(block.negatives, texts))


def as_asked(block: ExportBlock, ask: Ask) -> PairsFormat:
    """Texts, or ids where ids were asked for."""
    return with_ids(block) if ask.ids else with_texts(block, ask.texts)


def _texts_of(pairs: pl.DataFrame, texts: ExportTexts) -> pl.DataFrame:
    filled = pairs.with_columns(
        texts.queries(pairs["query_id"]).alias("query"), texts.docs(pairs["doc_id"]).alias("doc")
    )
    return filled.filter(~blank(pl.col("query")), ~blank(pl.col("doc")))


def _usable(positives: pl.DataFrame, negatives: pl.DataFrame) -> PairsFormat:
    return PairsFormat(
        positives.join(negatives, on="query_id", how="semi", maintain_order="left"),
        negatives.join(positives, on="query_id", how="semi", maintain_order="left"),
    )

"""How many rows an export will have, and what they are made of: counted before one is written."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from negatives.export.ask import EACH_PAIR, Ask, Format
from negatives.export.blocks import positive_pairs
from negatives.schema import PAIR


@dataclass(frozen=True)
class Sizes:
    """query_id, positives, negatives of each query that has both, as the format sees them."""

    table: pl.DataFrame

    def rows(self, format: Format, limit: int | None) -> int:
        """Rows of the file; 0 where the format cannot say."""
        if format.rows_of_query is None:
            return 0
        each = format.rows_of_query if limit is None else format.rows_of_query.clip(0, limit)
        return int(self.table.select(each.cast(pl.Int64).alias("rows"))["rows"].sum())

    def told(self, format: Format, limit: int | None) -> str:
        """What becomes of the negatives where a format repeats them; empty: nothing to tell."""
        if "rows_per_query" not in format.options or format.rows_of_query is None:
            return ""
        positives, negatives = (int(self.table[name].sum()) for name in ("positives", "negatives"))
        by_pair = format.rows_of_query is EACH_PAIR
        all_rows = self.rows(format, None)
        made = f"{negatives:,} negatives x {positives:,} positives make {all_rows:,} rows"
        if not by_pair:
            made = f"{positives:,} positives make {all_rows:,} rows"
        if limit is not None:
            written = self.rows(format, limit)
            return f"{made}; --rows-per-query {limit} makes {written:,}"
        if not by_pair or all_rows <= negatives:
            return ""
        width = int(self.table["negatives"].max() or 0)  # type: ignore[arg-type]
        return f"{made}; --rows-per-query {width} makes {self.rows(format, width):,}"


def sizes(format: Format, ask: Ask) -> Sizes:
    """The numbers of positives and negatives of each query that has both."""
    positives = positive_pairs(ask.run, ask.run.parts, ask.positives).select(PAIR)
    negatives = pl.scan_parquet(ask.run.negatives_file, glob=False).select(PAIR)
    if format.holds_texts(ask):
        positives, negatives = (with_texts_only(pairs, ask) for pairs in (positives, negatives))
    count = [
        pairs.group_by("query_id").agg(pl.len().cast(pl.Int64).alias(name))
        for name, pairs in (("positives", positives), ("negatives", negatives))
    ]
    table = count[0].join(count[1], on="query_id")
    if ask.short == "drop":
        table = table.filter(pl.col("negatives") == ask.width)
    return Sizes(table.collect())


def with_texts_only(pairs: pl.LazyFrame, ask: Ask) -> pl.LazyFrame:
    """Those of which both sides have a text."""
    for name, blank in (("doc_id", ask.blank_docs), ("query_id", ask.blank_queries)):
        pairs = pairs.join(blank.lazy(), on=name, how="anti", maintain_order="left")
    return pairs

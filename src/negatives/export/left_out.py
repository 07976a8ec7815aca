"""What an export does not hold, or holds twice: counted before the first row is written."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from negatives.export.ask import Ask, Format
from negatives.export.blocks import positive_pairs
from negatives.export.texts import blank
from negatives.run.inputs import collection_of


def left_out(format: Format, ask: Ask) -> Iterator[str]:
    """One sentence for each thing that the reader of the file would not see from it."""
    if not format.of_negatives:
        return
    queries = ask.run.manifest.counts.queries
    positives = positive_pairs(ask.run, ask.run.parts, ask.positives)
    if ask.positives == "relabelled":
        having = _count(positives.select("query_id").unique())
        yield f"queries without relabelled positives, left out: {queries - having:,} of {queries:,}"
    if without := queries - len(ask.delivered):
        yield f"queries without negatives, left out: {without:,} of {queries:,}"
    if "short" in format.options:
        yield from _short(ask)
    if format.holds_texts(ask):
        yield from _blank(ask, positives)
        positives = positives.join(_blank_docs(ask), on="doc_id", how="anti")
    if ask.scores and format.scores != "always":
        yield from _unscored("positives", positives)
        yield from _unscored("negatives", pl.scan_parquet(ask.run.negatives_file, glob=False))


def _short(ask: Ask) -> Iterator[str]:
    short = int((ask.delivered["negatives"] < ask.width).sum())
    if short:
        fate = {
            "repeat": "those are repeated to fill their rows (short=drop leaves them out)",
            "drop": "left out (short=repeat keeps them, and repeats their negatives)",
        }[ask.short]
        total = len(ask.delivered)
        yield f"queries with fewer than {ask.width} negatives, {short:,} of {total:,}: {fate}"


def _blank(ask: Ask, positives: pl.LazyFrame) -> Iterator[str]:
    if count := _count(positives.join(_blank_docs(ask), on="doc_id", how="semi")):
        yield f"positives without text, left out: {count:,}"
    collection = collection_of(ask.run)
    mined = collection.queries.lazy().filter(blank(pl.col("text")))
    if count := _count(mined.join(positives, on="query_id", how="semi")):
        yield f"queries without text, left out: {count:,}"


def _blank_docs(ask: Ask) -> pl.LazyFrame:
    corpus = collection_of(ask.run).corpus.lazy()
    return corpus.filter(blank(pl.col("text"))).select("doc_id")


def _unscored(what: str, pairs: pl.LazyFrame) -> Iterator[str]:
    if count := _count(pairs.filter(pl.col("score").is_null())):
        yield f"{what} without a score, null in the file: {count:,}"


def _count(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())

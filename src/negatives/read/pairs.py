"""Rows of (query, positives, negatives) become a collection.

A text is one document, wherever it appears; so is a query. Where the rows give no ids they are
made from the text: `q-` or `d-` and 16 hexadecimal digits of its BLAKE2b hash, the same in every
file and on every machine. `row` counts texts in order of first appearance, positives first.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

import polars as pl

from negatives.read.findings import BAD_SCORE, DUPLICATE_ID, MISSING, Fault, Findings
from negatives.read.gathered import FIRST_PLACE, Tables, gather
from negatives.read.jsonl import PLACE
from negatives.schema import Collection

PAIRS: Final[dict[str, Any]] = {
    "query": pl.String,
    "query_id": pl.String,
    "positive": pl.List(pl.String),
    "positive_id": pl.List(pl.String),
    "relevance": pl.Int32,
    "negative": pl.List(pl.String),
} | PLACE

MENTION: Final[dict[Any, Any]] = {"pair": pl.UInt32, "id": pl.String, "text": pl.String}
"""One appearance of a text: the number of its pair, and its id where the file gives one."""


def normalised(block: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """A block with the columns a pair file happens to have, as `PAIRS`; bad rows reported."""
    given = [pl.col(name).fill_null([]) for name in block.columns if name.startswith("negative_")]
    negative = pl.concat_list(given).list.drop_nulls() if given else pl.lit(None)
    absent = [pl.lit(None).alias(key) for key in PAIRS if key not in block.columns]
    block = block.with_columns(absent).with_columns(negative.alias("negative"))
    if block["relevance"].dtype != pl.Null:
        block = with_whole_relevance(block, findings)
    if block["positive_id"].dtype != pl.Null:
        none = (pl.element().is_null() | (pl.element() == "")).any()
        fits = (pl.col("positive").list.len() == pl.col("positive_id").list.len()) & ~(
            pl.col("positive_id").list.eval(none).list.first().fill_null(False)
        )
        reason = "every positive needs an id: there are {positive_id}"
        block = _keep(block, fits, MISSING, reason, findings)
    return block.select(pl.col(key).cast(kind) for key, kind in PAIRS.items())


def with_whole_relevance(block: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """The rows of `block` whose `relevance` is a whole number; the others reported."""
    value = pl.col("relevance").cast(pl.Float64)
    whole = (value == value.round()) & value.is_between(-(2**31), 2**31 - 1)
    return _keep(block, whole, BAD_SCORE, "relevance is {relevance}", findings)


def _keep(
    block: pl.DataFrame, good: pl.Expr, fault: Fault, reason: str, findings: Findings
) -> pl.DataFrame:
    """The rows of `block` that are `good`; the others reported, `reason` filled from each."""
    bad = block.filter(~good)
    for row in bad.iter_rows(named=True):
        raw = {key: value for key, value in row.items() if key not in PLACE and value is not None}
        findings.add(fault, row["file"], row["line"], reason.format(**row), raw)
        findings.enough()
    return block.filter(good) if len(bad) else block


def collection_of(
    name: str, split: str, blocks: Iterable[pl.DataFrame], findings: Findings
) -> Collection:
    """The collection of all pairs in `blocks` (each normalised)."""
    pairs = pl.concat([pl.DataFrame(schema=PAIRS), *blocks], rechunk=False).with_row_index("pair")
    findings.done()
    place = pairs.select("pair", "file", "line")
    asked = pairs.select("pair", pl.col("query_id").alias("id"), pl.col("query").alias("text"))
    queries, query_of = _identified(asked.cast(MENTION), "q-", place, findings)
    docs, doc_of = _identified(_documents(pairs), "d-", place, findings)
    findings.done()
    query = query_of.select("pair", pl.col("id").alias("query_id"))
    of_pair = pairs.select("pair", "relevance", "file", "line").join(query, on="pair")
    named = doc_of.rename({"id": "doc_id"}).join(of_pair, on="pair", maintain_order="left")
    judged = named.filter("is_positive").with_columns(pl.col("relevance").fill_null(1))
    given = named.filter(~pl.col("is_positive"))
    tables = Tables(
        corpus=docs.rename({"id": "doc_id"}),
        queries=queries.rename({"id": "query_id"}),
        qrels=judged.select("query_id", "doc_id", "relevance", "file", "line"),
        given=given.select("query_id", "doc_id", "file", "line"),
    )
    findings.note(
        "{n} given negative is also judged relevant to its query",
        "{n} given negatives are also judged relevant to their query",
        _contradicted(tables),
    )
    return gather(name, split, tables, findings)


def _documents(pairs: pl.DataFrame) -> pl.DataFrame:
    """Every mention of a document: all positives, then all negatives."""
    listed = pairs.select(
        "pair",
        pl.when(pl.col("positive_id").is_null())
        .then(pl.col("positive").list.eval(pl.lit(None, dtype=pl.String)))
        .otherwise("positive_id")
        .alias("id")
        if pairs["positive_id"].null_count() < len(pairs)
        else pl.lit(None, dtype=pl.String).alias("id"),
        pl.col("positive").alias("text"),
    )
    columns = ["text"] if listed["id"].dtype == pl.String else ["id", "text"]
    positives = listed.filter(pl.col("text").list.len() > 0).explode(columns)
    negatives = pairs.select(
        "pair", pl.lit(None, dtype=pl.String).alias("id"), pl.col("negative").alias("text")
    )
    negatives = negatives.filter(pl.col("text").list.len() > 0).explode("text")
    return pl.concat(
        [
            positives.cast(MENTION).with_columns(is_positive=True),
            negatives.cast(MENTION).with_columns(is_positive=False),
        ],
        rechunk=False,
    )


def _identified(
    mentions: pl.DataFrame, prefix: str, place: pl.DataFrame, findings: Findings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The texts, each once (id, text, row, file, line), and `mentions` by id, without texts.

    A mention without an id has the id that its text has elsewhere, or else one made from the text.
    """
    mentions = mentions.with_columns(pl.col("text").str.strip_chars())
    without = pl.col("id").is_null()
    named = mentions.filter(~without).select("text", "id")
    named = named.unique("text", keep="first", maintain_order=True)
    unnamed = mentions.filter(without).select("text").unique(maintain_order=True)
    unnamed = unnamed.join(named, on="text", how="anti")
    by_text = pl.concat(
        [named, unnamed.with_columns(id=_made_ids(prefix, unnamed["text"]))]
    ).rename({"id": "made"})
    mentions = mentions.join(by_text, on="text", how="left", maintain_order="left")
    mentions = mentions.with_columns(pl.coalesce("id", "made").alias("id")).drop("made")
    texts = mentions.unique("id", keep="first", maintain_order=True)
    texts = texts.join(place, on="pair", how="left", maintain_order="left")
    mentions = _of_one_text(mentions, texts, place, findings)
    used = texts.select("id", "text", "file", "line").with_row_index("row")
    return used, mentions.drop("text")


def _made_ids(prefix: str, texts: pl.Series) -> pl.Series:
    hashes = [blake2b(text.encode(), digest_size=8).digest() for text in texts.to_list()]
    return prefix + pl.Series(hashes, dtype=pl.Binary).bin.encode("hex")


def _of_one_text(
    mentions: pl.DataFrame, texts: pl.DataFrame, place: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """`mentions` whose text is the first that their id has; the others are reported."""
    same = ["id", "text"]
    other = mentions.join(texts.select(same), on=same, how="anti", maintain_order="left")
    if other.is_empty():
        return mentions
    first = texts.select("id", *FIRST_PLACE)
    placed = other.join(place, on="pair", how="left").join(first, on="id", how="left").sort("pair")
    for row in placed.iter_rows(named=True):
        at = findings.seen_from(row["file"], row["first_file"], row["first_line"])
        reason = f"id {row['id']!r} has another text at {at}"
        raw = {"id": row["id"], "text": row["text"]}
        findings.add(DUPLICATE_ID, row["file"], row["line"], reason, raw)
    return mentions.join(texts.select(same), on=same, how="semi", maintain_order="left")


def _contradicted(tables: Tables) -> int:
    relevant = tables.qrels.filter(pl.col("relevance") > 0).select("query_id", "doc_id")
    given = tables.given.select("query_id", "doc_id").unique()
    return len(given.join(relevant, on=["query_id", "doc_id"], how="semi"))

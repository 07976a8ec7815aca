"""Positives hidden at random, so that how many come back as negatives can be counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

import negatives as neg
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms

PAIR = ["query_id", "doc_id"]


def all_but_one(data: neg.Collection, seed: int) -> tuple[neg.Collection, pl.DataFrame]:
    """One positive left of every query that has at least two (others go), and the hidden ones."""
    return _hidden(data, seed, "benchmark/one", pl.int_range(pl.len()).over("query_id") == 0)


def half(data: neg.Collection, seed: int) -> tuple[neg.Collection, pl.DataFrame]:
    """Half of the positives hidden of every query that has at least two, and those hidden."""
    count = pl.len().over("query_id")
    left = pl.int_range(pl.len()).over("query_id") >= count // 2
    return _hidden(data, seed, "benchmark/hide", left)


def with_copies(data: neg.Collection, share: float, seed: int) -> neg.Collection:
    """With near-copies of some of the documents that are positives, relevant to the same queries.

    One word in fifty of a copy is another one. Copies are judged as what they are copies of, so
    that they are hidden by the same chance.
    """
    positives = data.qrels.filter(pl.col("relevance") > 0)
    docs = positives["doc_id"].unique().sort()
    drawn = uniforms(id_hashes(docs), stream_key(seed, "benchmark/copies"))
    chosen = data.corpus.filter(
        pl.col("doc_id").is_in(docs.filter(pl.Series(drawn < share)).implode())
    )
    texts = [_edited(text, number) for number, text in enumerate(chosen["text"])]
    copies = chosen.select(doc_id=_COPY + pl.col("doc_id"), text=pl.Series(texts, dtype=pl.String))
    corpus = pl.concat([data.corpus.select("doc_id", "text"), copies]).sort("doc_id")
    theirs = positives.filter(pl.col("doc_id").is_in(chosen["doc_id"].implode()))
    qrels = pl.concat([data.qrels, theirs.with_columns(doc_id=_COPY + pl.col("doc_id"))])
    return replace(
        data,
        corpus=corpus.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt32)),
        qrels=qrels.sort(PAIR),
        origin="",
    )


_COPY = "copy-of-"


def _edited(text: str, number: int) -> str:
    words = text.split() or ["nothing"]
    draw = np.random.default_rng(number)
    for place in draw.integers(0, len(words), max(1, len(words) // 50)):
        words[place] = "indeed"
    return " ".join(words)


def _hidden(
    data: neg.Collection, seed: int, stream: str, left: pl.Expr
) -> tuple[neg.Collection, pl.DataFrame]:
    positives = data.qrels.filter(pl.col("relevance") > 0).filter(pl.len().over("query_id") >= 2)
    drawn = pl.Series("draw", pair_uniforms(positives, seed, stream))
    ordered = positives.with_columns(drawn).sort("query_id", "draw").with_columns(left=left)
    kept = ordered.filter("left").select(data.qrels.columns)
    return replace(data, qrels=kept, origin=""), ordered.filter(~pl.col("left")).select(PAIR)

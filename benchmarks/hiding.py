"""Collections with positives hidden (`negatives.measure.hidden`), and with near-copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

import negatives as neg
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.hidden import PAIR as PAIR
from negatives.measure.hidden import all_but_one as all_but_one
from negatives.measure.hidden import half as half


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

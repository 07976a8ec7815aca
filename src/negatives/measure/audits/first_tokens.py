"""Texts as a language model reads them, each cut to the same number of tokens.

What is computed of probabilities of tokens depends on how many there are, so that texts are only
compared at one length; those that are shorter are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.models.causal_lm import CausalLM


@dataclass(frozen=True)
class FirstTokens:
    """`texts`: as they were cut; `log_probs`: float32[texts, tokens], natural logarithms.

    `too_short`: how many texts were left out.
    """

    texts: list[str]
    log_probs: Floats
    too_short: int


def first_tokens(model: CausalLM, texts: Sequence[str], tokens: int) -> FirstTokens:
    """What a model says of the first tokens of each text that has so many."""
    cut, last = [], tokens
    if model.start is None:
        last += 1  # nothing predicts the first
    for text in texts:
        pieces = model.pieces(text[: last * _LONGEST])
        if len(pieces) > last:
            cut.append(text[: pieces[last].start])
    read = model.continuations([("", text) for text in cut])
    kept = [n for n, each in enumerate(read) if len(each.log_probs) >= tokens]
    made = np.array([read[n].log_probs[-tokens:] for n in kept], np.float32)
    return FirstTokens([cut[n] for n in kept], made.reshape(-1, tokens), len(texts) - len(kept))


_LONGEST = 32
"""Letters of a token, at most, for what is read of a long text; few have as many as ten."""


def drawn_texts(texts: pl.DataFrame, most: int, seed: int, stream: str) -> list[str]:
    """So many texts of doc_id, text, by an order that the ids and the seed give; none twice."""
    there = texts.filter(pl.col("text").fill_null("").str.strip_chars() != "").unique("doc_id")
    drawn = uniforms(id_hashes(there["doc_id"]), stream_key(seed, stream))
    order = there.with_columns(drawn=pl.Series(drawn)).sort("drawn", "doc_id")
    return order.head(most)["text"].to_list()

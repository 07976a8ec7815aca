"""What belongs to another query that differs by one word: the edit that somebody made already.

    query        a man on a brown horse         an image of it
    another      a man on a white horse         its image is proposed

Generative negative mining (Sahin et al. 2024) paints an image anew in the part that was edited in
its caption. Where a collection has the edited caption already, it has its image, too.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.chance import id_hashes, mix, stream_key, uniforms
from negatives.events import Noted, Warned
from negatives.find.known import KnownProposer
from negatives.opening import Context
from negatives.schema import Collection, Needs
from negatives.stage import Source
from negatives.text.slots import Tokens
from negatives.text.word_classes import FUNCTION_WORDS


class OneWordApart(Source, kind="one-word-apart"):
    """Positives of queries that have another word in one place, and are the same everywhere else.

    Texts are compared word for word; capital letters count but for a text's first word, and words
    that hold a sentence together are not exchanged. Where many queries differ in the same place,
    some are drawn for each. Nothing is scored, for no document has been looked at.

    >>> from negatives import Collection, OneWordApart
    >>> from negatives.find.one_word_apart import apart_of
    >>> OneWordApart(top=4).label
    'one-word-apart'
    >>> asked = {"a": "a brown horse", "b": "a white horse", "c": "a white cat"}
    >>> right = {"a": {"x": 1}, "b": {"y": 1}, "c": {"z": 1}}
    >>> data = Collection.from_pairs(asked, {each: each for each in "xyz"}, right)
    >>> apart_of(data, 4, 0).rows()
    [(0, 1), (1, 0), (1, 2), (2, 1)]
    """

    reads_judgements: ClassVar[bool] = True  # what it proposes is a positive of another query
    ranks_by_relevance: ClassVar[bool] = False
    top: Annotated[int, Meta(ge=1, le=1000, description="candidates per query")] = 10

    @property
    def needs(self) -> Needs:
        """Texts of the queries; of documents their ids alone."""
        return Needs(
            queries=("text",), instead="where images ask, their captions are documents: text-edits"
        )

    def open(self, context: Context) -> KnownProposer:
        """Compare all queries; say how many have none that is so near."""
        data = context.collection
        pairs = apart_of(data, self.top, context.seed)
        asked = len(data.mined_queries)
        alone = asked - pairs["query"].n_unique()
        context.emit(Noted(f"one word apart {self.label}", {"pairs": len(pairs), "none": alone}))
        if alone:
            context.emit(
                Warned(
                    f"{self.label}: {alone:,} of {asked:,} queries have none that differs in one "
                    "word, and nothing is proposed for them: add another source, such as random"
                )
            )
        return KnownProposer(pairs)


_SLOT: Final = ["slot", "length"]
"""What two rows share whose texts are the same but for one word."""


def apart_of(data: Collection, top: int, seed: int) -> pl.DataFrame:
    """query, doc (uint32): up to `top` of each query, drawn by the ids of both."""
    positives = data.positives
    others = positives.rename({"query": "other"})
    return (
        _near(_without_a_word(data, seed), top)
        .join(others, on="other")
        .join(positives, on=["query", "doc"], how="anti")
        .group_by("query", "doc")
        .agg(pl.col("step").min())
        .sort("query", "step", "doc")
        .group_by("query", maintain_order=True)
        .head(top)
        .sort("query", "doc")
        .select("query", "doc")
    )


def _without_a_word(data: Collection, seed: int) -> pl.DataFrame:
    """query, word, slot, length, drawn: each query without each of its words.

    `slot` is a hash of the other words, each with its place, and of the place of the one left out.
    """
    asked = data.positives["query"].unique().sort()
    tokens = Tokens.of(data.queries["text"].gather(asked))
    term = mix(tokens.word ^ mix(tokens.place.astype(np.uint64)))
    whole = np.zeros(len(asked), np.uint64)
    np.add.at(whole, tokens.text, term)
    length = np.bincount(tokens.text, minlength=len(asked))
    ids = id_hashes(data.queries["query_id"].gather(asked))
    drawn = uniforms(ids, stream_key(seed, "one-word-apart"))
    rows = pl.DataFrame(
        {
            "query": asked.gather(tokens.text),
            "word": tokens.word,
            "slot": mix((whole[tokens.text] - term) ^ mix(~tokens.place.astype(np.uint64))),
            "length": length[tokens.text],
            "drawn": drawn[tokens.text],
        }
    )
    return rows.filter(pl.Series(~tokens.among(FUNCTION_WORDS)), pl.col("length") > 1)


def _near(rows: pl.DataFrame, top: int) -> pl.DataFrame:
    """query, other (uint32), step: the next `top` of those with the same slot and another word.

    Those of a slot stand in a ring in the order in which they are drawn, so that a slot of many
    queries gives each of them a few.
    """
    ring = rows.filter(pl.len().over(_SLOT) > 1).sort(*_SLOT, "drawn", "query")
    place = ring.select(pl.int_range(pl.len()).over(_SLOT)).to_series().to_numpy()
    size = ring.select(pl.len().over(_SLOT)).to_series().to_numpy().astype(np.int64)
    begin = np.arange(len(ring)) - place
    parts = [pl.DataFrame(schema={"query": pl.UInt32, "other": pl.UInt32, "step": pl.Int64})]
    for step in range(1, min(top, int(size.max(initial=1)) - 1) + 1):
        other = ring[begin + (place + step) % size]
        kept = (ring["word"] != other["word"]) & pl.Series(size > step)
        found = pl.DataFrame([ring["query"], other["query"].alias("other")])
        parts.append(found.filter(kept).with_columns(step=pl.lit(step, pl.Int64)))
    return pl.concat(parts)

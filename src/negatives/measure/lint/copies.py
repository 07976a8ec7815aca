"""Near-duplicates of a positive in a file whose texts are not held.

Sketches say which pairs of a negative and a positive of its query are worth a look; their texts are
then read once more and compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Keys, by_volume
from negatives.judge.near_duplicate import NearDuplicate, jaccard
from negatives.measure.lint.facts import FileFacts
from negatives.measure.lint.text_tables import SHINGLE, SKETCH
from negatives.read.mined.reading import blocks
from negatives.read.mined.rows import MinedFile
from negatives.text.keys import shingles, text_keys

THRESHOLD: Final = NearDuplicate().threshold
"""Jaccard similarity from which a document is a copy: what the judge takes."""

AGREE: Final = 6
"""Smallest hashes, of `SKETCH`, that a pair must share to be looked at."""

PAIRS: Final = 1 << 18
"""Pairs compared at once, and distinct pairs whose texts are held at once."""

_FOUND: Final = {
    "query": pl.UInt64,
    "text": pl.UInt64,
    "similarity": pl.Float32,
    "of_row": pl.UInt32,
}


def near_copies(facts: FileFacts, negatives: pl.DataFrame) -> pl.DataFrame:
    """query, text, similarity, of_row of the `negatives` (query, text) near a positive of theirs.

    `of_row` as in `FileFacts.known`, of the nearest positive.
    """
    positives = facts.known.select("query", "of_row", positive="text")
    positives = positives.unique(["query", "positive"], keep="first", maintain_order=True)
    near = [_near(facts, pairs) for pairs in _pairs(negatives, positives)]
    pairs = pl.concat([_no_pairs(), *near])
    found = [pl.DataFrame(schema=_FOUND)]
    for part in pairs.iter_slices(PAIRS):
        distinct = np.unique(np.concatenate([part["text"].to_numpy(), part["positive"].to_numpy()]))
        texts = texts_of(facts.mined, distinct)
        sides = [np.searchsorted(distinct, part[name].to_numpy()) for name in ("text", "positive")]
        left, right = (side.astype(np.uint32) for side in sides)
        similarity = jaccard(shingles(texts, SHINGLE), left, right)
        part = part.with_columns(similarity=pl.Series(similarity, dtype=pl.Float32))
        found.append(part.filter(pl.col("similarity") >= THRESHOLD).select([*_FOUND]))
    every = pl.concat(found).sort("similarity", "of_row", descending=[True, False], nulls_last=True)
    return every.unique(["query", "text"], keep="first", maintain_order=True)


def _no_pairs() -> pl.DataFrame:
    columns = {"query": pl.UInt64, "text": pl.UInt64, "of_row": pl.UInt32, "positive": pl.UInt64}
    return pl.DataFrame(schema=columns)


def _pairs(negatives: pl.DataFrame, positives: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Negatives beside each positive of their query, about `PAIRS` at a time."""
    counted = positives.group_by("query").agg(count=pl.len())
    counted = negatives.join(counted, on="query", how="inner", maintain_order="left")
    for start, stop in by_volume(counted["count"].to_numpy(), PAIRS):
        part = counted.slice(start, stop - start).drop("count")
        yield part.join(positives, on="query", how="inner", maintain_order="left")


def _near(facts: FileFacts, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs whose sketches agree often enough."""
    sketches = facts.texts.sketches
    left, right = (facts.texts.at(pairs[name]) for name in ("text", "positive"))
    agree = np.zeros(len(pairs), np.uint8)
    for place in range(SKETCH):
        agree += sketches[left, place] == sketches[right, place]
    near = pl.Series(agree >= AGREE, dtype=pl.Boolean)
    return pairs.filter(near).select("query", "text", "of_row", "positive")


def texts_of(mined: MinedFile, keys: Keys) -> pl.Series:
    """The texts with these keys (sorted), read from the file, and from the collection."""
    texts: NDArray[np.object_] = np.full(len(keys), "", object)
    missing = np.ones(len(keys), bool)
    for some in _all_texts(mined):
        if not missing.any():
            break
        found = text_keys(some)
        at = np.searchsorted(keys, found).clip(max=len(keys) - 1)
        wanted = np.flatnonzero((keys[at] == found) & missing[at])
        if len(wanted):
            texts[at[wanted]] = some.gather(wanted).to_list()
            missing[at[wanted]] = False
    return pl.Series(texts.tolist(), dtype=pl.String)


def _all_texts(mined: MinedFile) -> Iterator[pl.Series]:
    if mined.known is not None:
        yield mined.known.corpus["text"]
    for block in blocks(mined):
        yield block.positives["text"]
        yield block.negatives["text"]

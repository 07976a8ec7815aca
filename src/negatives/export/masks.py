"""Masks for a batcher: which texts must not stand in a batch as negatives of a query.

In-batch negatives are the positives of other queries, and some of them are relevant to this one. A
text goes by one id however many documents repeat it, so that no copy slips through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from negatives.errors import InputError
from negatives.run.inputs import collection_of
from negatives.schema import DUPLICATE, POSITIVE, Collection, Columns
from negatives.store.run import RELABELLED_FILE, Run

ABOVE: Final = 0.5
"""A pair at least so probably relevant is masked."""

MASKS: Final[Columns] = {"query_id": pl.String, "text_ids": pl.List(pl.String)}
TEXT_IDS: Final[Columns] = {"doc_id": pl.String, "text_id": pl.String}

_BLOCK: Final = 65_536


@dataclass(frozen=True)
class TextIds:
    """One id for each text of a collection: the first doc_id, in id order, that has it.

    Two texts are the same if they are but for case, punctuation and white space. Where the identity
    of documents is their id, each goes by its own.
    """

    collection: Collection

    @cached_property
    def first(self) -> pl.Series:
        """By document row: the row of the first document with this text."""
        keys = self.collection.keys("docs")
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        return pl.Series(first[which].astype(np.uint32))

    def of(self, doc_ids: pl.Series) -> pl.Series:
        """The text ids of documents of the collection."""
        known = self.collection.corpus["doc_id"]
        return known.gather(self.first.gather(known.search_sorted(doc_ids)))

    def tables(self) -> Iterator[pl.DataFrame]:
        """doc_id, text_id of every document, some at a time."""
        docs = self.collection.corpus["doc_id"]
        for at in range(0, len(docs), _BLOCK):
            some = docs[at : at + _BLOCK]
            yield pl.DataFrame({"doc_id": some, "text_id": self.of(some)})


def masks(run: Run, above: float = ABOVE) -> pl.DataFrame:
    """query_id, text_ids (sorted) of every query of a run: texts that are no negatives of it.

    Known positives of any grade, near-copies of them, what is relabelled, and every pair whose
    p_relevant is at least `above`. `text_ids` says which document has which text.
    """
    return pl.concat([pl.DataFrame(schema=MASKS), *mask_tables(run, above)])


def text_ids(collection: Collection) -> pl.DataFrame:
    """doc_id, text_id of every document: equal where texts are but for case and punctuation."""
    return pl.concat([pl.DataFrame(schema=TEXT_IDS), *TextIds(collection).tables()])


def mask_tables(run: Run, above: float) -> Iterator[pl.DataFrame]:
    """The masks of the queries of each part of the ledger."""
    if not 0 <= above <= 1:
        raise InputError(f"above is {above}", fix="a probability, such as 0.5")
    texts = TextIds(collection_of(run))
    for path in run.parts:
        yield _masks_of(run, path, above, texts)


def _masks_of(run: Run, path: Path, above: float, texts: TextIds) -> pl.DataFrame:
    part = pl.scan_parquet(path, glob=False)
    barred = pl.col("verdict").is_in([POSITIVE, DUPLICATE]) | (pl.col("p_relevant") >= above)
    pairs = part.filter(barred).select("query_id", "doc_id").collect()
    if RELABELLED_FILE in run.manifest.files:
        queries = part.select("query_id").unique()
        new = pl.scan_parquet(run.relabelled_file, glob=False).join(
            queries, on="query_id", how="semi"
        )
        pairs = pl.concat([pairs, new.select("query_id", "doc_id").collect()])
    named = pairs.select("query_id", text_ids=texts.of(pairs["doc_id"])).unique()
    return named.sort("query_id", "text_ids").group_by("query_id", maintain_order=True).all()

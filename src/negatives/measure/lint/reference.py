"""What a collection knows about a mined file: judgements, texts, and the test sets to keep out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from negatives import read
from negatives.arrays import Keys
from negatives.measure.lint.text_tables import without_end
from negatives.read.address import parse
from negatives.read.quarantine import Quarantine
from negatives.schema import Collection
from negatives.text.keys import text_keys


@dataclass(frozen=True)
class ReferenceTexts:
    """A collection, by the keys of its texts."""

    collection: Collection

    @property
    def by_id(self) -> bool:
        """Whether queries and documents go by their ids."""
        return self.collection.identity == "id"

    @cached_property
    def sorted_texts(self) -> pl.Series | None:
        """The documents in byte order, without dots at their ends, as `cut_off` takes them."""
        if self.by_id:
            return None
        return without_end(self.collection.corpus["text"]).sort()

    @cached_property
    def positives(self) -> pl.DataFrame:
        """query_id, query (key of its text), id (key), doc (row in the corpus) of each positive."""
        data = self.collection
        pairs = data.positives
        query, doc = pairs["query"].to_numpy(), pairs["doc"].to_numpy()
        own = data.keys("queries")
        return pl.DataFrame(
            {
                "query_id": text_keys(data.queries["query_id"])[query],
                "query_text": (own if self.by_id else text_keys(data.queries["text"]))[query],
                "query_normal": own[query],
                "id": text_keys(data.corpus["doc_id"])[doc],
                "doc": doc,
            }
        )


@dataclass(frozen=True)
class TestSet:
    """A test set, by keys of normalised texts: its queries, and what is relevant to them."""

    name: str
    queries: Keys
    positives: Keys


def test_sets(
    against: Iterable[Any],
    data: Any,
    aside: Quarantine | None,
) -> list[TestSet]:
    """The test sets named; where none is, the test split beside the train split of DATA."""
    named: list[Any] = [*against]
    if not named and isinstance(data, str | Path) and _has_own_test(data):
        named.append(f"{parse(data).path}@test")
    return [_test_set(read.as_collection(each, quarantine=aside, lost="count")) for each in named]


def _has_own_test(data: str | Path) -> bool:
    address = parse(data)
    there = read.splits(data) if address.format == "beir" else []
    return {"train", "test"} <= {*there} and (address.split or "train") == "train"


def _test_set(collection: Collection) -> TestSet:
    pairs = collection.positives
    return TestSet(
        f"{collection.name}@{collection.split}",
        np.unique(collection.keys("queries")[collection.mined_queries]),
        np.unique(collection.keys("docs")[pairs["doc"].unique().to_numpy()]),
    )

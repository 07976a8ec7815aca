"""The items of labels: the queries that a document is right for, drawn by what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from negatives.arrays import Doubles, Keys, Places, Ragged, Rows
from negatives.chance import stream_key, uniforms
from negatives.errors import DataError, InputError, nearest
from negatives.schema import Collection, id_keys
from negatives.text.keys import normalised_keys

OTHERS: Final = 20_000
"""Items of all labels that near misses come from, and that sets are measured against."""
_FEW: Final = 1_000
"""Ids among which one is looked for that is nearly the one named."""


@dataclass
class LabelledItems:
    """The queries with a positive, by their place among them, and which documents they have."""

    data: Collection
    seed: int

    @cached_property
    def rows(self) -> Rows:
        """Their rows in the collection."""
        return self.data.mined_queries

    @cached_property
    def of_label(self) -> Ragged[np.int64]:
        """Places of the items of each document, in the order in which they are drawn."""
        pairs = self.data.positives
        place = np.searchsorted(self.rows, pairs["query"].to_numpy())
        order = np.lexsort((place, self.drawn[place]))
        docs = pairs["doc"].to_numpy()[order]
        return Ragged.of_owners(docs, place[order].astype(np.int64), len(self.data.corpus))

    @cached_property
    def keys(self) -> Keys:
        """Equal for items with the same text, where there are texts."""
        if self.data.has("queries", "text"):
            return normalised_keys(self.data.queries["text"].gather(self.rows))
        return id_keys(self.data.ids("queries").gather(self.rows), "queries")

    @cached_property
    def drawn(self) -> Doubles:
        """float64[items] in (0, 1): by it items are drawn; equal for copies."""
        return uniforms(self.keys, stream_key(self.seed, "instructions/items"))

    @cached_property
    def others(self) -> Places:
        """The items that categories are told from, in the order in which they are drawn."""
        return np.lexsort((np.arange(len(self.rows)), self.drawn))[:OTHERS]

    def parts(self, folds: int) -> Places:
        """int64[items]: the part of an item that is not the category's own; copies have the same.

        Not by `drawn` itself, for the first of that order would all be in the first part.
        """
        chance = uniforms(self.keys, stream_key(self.seed, "instructions/parts"))
        return (chance * folds).astype(np.int64)

    def distinct(self, doc: int) -> Places:
        """Places of a document's items, of copies the first."""
        found = self.of_label[doc]
        _, first = np.unique(self.keys[found], return_index=True)
        return found[np.sort(first)]

    def texts(self, places: Places) -> list[str]:
        """Their texts; none where there are no texts."""
        if not self.data.has("queries", "text"):
            return []
        return self.data.query_texts(self.rows[places])


def enough(
    items: LabelledItems, fewest: int, least: int, labels: Sequence[str]
) -> tuple[list[int], Counter[str]]:
    """Rows of the documents with `least` items, most items first, and how many have too few.

    `labels`: ids of documents, where not all are wanted; `fewest`: what `least` can be lowered to.
    """
    counts = items.of_label.lengths
    asked = np.arange(len(counts)) if not labels else _asked(items.data, labels)
    likely = asked[counts[asked] >= least]  # copies are looked for in no more than need be
    distinct = {int(doc): len(items.distinct(int(doc))) for doc in likely}
    kept = [doc for doc, count in distinct.items() if count >= least]
    left_out: Counter[str] = Counter()
    if few := int((counts[asked] > 0).sum()) - len(kept):
        left_out[f"fewer than {least} items that differ"] = few
    if none := int((counts[asked] == 0).sum()):
        left_out["no item at all"] = none
    if not kept:
        most = int(counts[asked].max(initial=0))
        raise DataError(
            f"no document is a label of {least} queries that differ; the most that one has "
            f"is {most:,}",
            where=f"collection {items.data.name!r}",
            fix="lower --least, to 5 at the lowest"
            if most >= fewest
            else "name data in which many queries have the same document, such as labels",
        )
    return sorted(kept, key=lambda doc: (-distinct[doc], doc)), left_out


def _asked(data: Collection, labels: Sequence[str]) -> Places:
    """Rows of the documents with these ids."""
    ids = data.corpus["doc_id"]
    there = set(ids.filter(ids.is_in([*labels])))
    for label in labels:
        if label not in there:
            raise InputError(
                f"there is no document {label!r}",
                where=f"collection {data.name!r}",
                fix=nearest(label, ids)
                if len(ids) <= _FEW
                else "give the id of a document, as the data have it",
            )
    return ids.is_in([*labels]).arg_true().to_numpy().astype(np.int64)

"""What other splits say is relevant: left out of rankings, for it is no answer and no mistake.

A recommender puts the items that a user had while it was trained before all others, and a model of
a knowledge graph the triples that it learned. To count them as wrong would measure how well it has
forgotten them; so they are not ranked at all (the *filtered* ranks of Bordes et al., NIPS 2013,
section 4.1; full ranking without training items in recommendation). They are looked up here, for
measuring alone: nothing is drawn, mined or learned from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Places, Ragged, Rows
from negatives.events import Emit, Warned
from negatives.measure.barred import Bar
from negatives.read.other_splits import other_splits
from negatives.schema import Collection
from negatives.search.excluded import Excluded


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Positives of other splits, by the rows of one collection.

    `docs[q]`: the documents of query `q` that another split calls relevant and its own does not,
    ascending. `splits` names the splits that have some; `leaked`: pairs that are positive in its
    own split and in another, which stay in the ranking. `counts: int64[docs]`: how many queries
    have each document as a positive in the other splits.
    """

    docs: Ragged[np.uint32]
    splits: tuple[str, ...]
    leaked: int
    counts: Places

    @staticmethod
    def of(collection: Collection, others: Iterable[Collection]) -> Elsewhere:
        """What some other collections with the same ids say of this one's queries."""
        found, names, leaked = [pl.DataFrame(schema=_PAIRS)], [], 0
        counts = np.zeros(len(collection.corpus), np.int64)
        docs = collection.corpus.select("doc_id").with_row_index("doc")
        for other in others:
            positive = other.qrels.filter(pl.col("relevance") > 0)
            there = positive.join(docs, on="doc_id", how="inner")["doc"].to_numpy()
            counts += np.bincount(there, minlength=len(counts))
            pairs = collection.rows_of(positive.select("query_id", "doc_id"))
            new = pairs.join(collection.positives, on=["query", "doc"], how="anti")
            leaked += len(pairs) - len(new)
            if len(new):
                names.append(other.split)
                found.append(new)
        every = pl.concat(found).unique().sort("query", "doc")
        query, doc = every["query"].to_numpy(), every["doc"].to_numpy()
        lists = Ragged.of_owners(query, doc, len(collection.queries))
        return Elsewhere(lists, tuple(names), leaked, counts)

    def __len__(self) -> int:
        return len(self.docs.values)

    def __call__(self, queries: Rows) -> Excluded:
        """See `Bar`."""
        theirs = self.docs.take(queries)
        return Excluded(theirs.owners.astype(np.uint32), theirs.values)

    def figures(self) -> dict[str, Any]:
        """How many pairs are left out of the rankings, and of which splits."""
        return {"pairs": len(self), "splits": list(self.splits)}


_PAIRS: Final = {"query": pl.UInt32, "doc": pl.UInt32}


@dataclass(frozen=True)
class WithoutKnown:
    """A protocol: no query finds what another split says is relevant to it.

    `others`: collections with the same ids; None: the other splits of the data that the collection
    was read from. Where documents go by their ids `evaluate` does so unless it is told not to.
    """

    others: tuple[Collection, ...] | None = None

    def apply(self, collection: Collection, emit: Emit) -> tuple[Collection, Bar]:
        """The collection as it is; and what is known from elsewhere."""
        there = other_splits(collection) if self.others is None else self.others
        found = Elsewhere.of(collection, there)
        if found.leaked:
            emit(
                Warned(
                    f"{found.leaked:,} of {len(collection.positives):,} positives are positives of "
                    "another split too: a leak, which makes figures too good"
                )
            )
        return collection, found

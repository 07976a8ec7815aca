"""How probable it is that a label is written down where it belongs: rarely so of a rare one.

Jain, Prabhu and Varma (2016), Extreme multi-label loss functions: a label of N_l training rows of N
has the propensity

    p_l = 1 / (1 + C exp(-A log(N_l + B))),    C = (log N - 1) (B + 1)^A.

A metric that divides by it is what the metric would be, on average, if no label were missing, and
counts a rare label found for more than a common one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Places
from negatives.read.address import parse
from negatives.read.loading import Data, as_collection, load, splits
from negatives.schema import Collection

_TRAIN: Final = "train"
A, B = 0.55, 1.5
"""What the authors take where they have not measured it; .5 and .4 for articles of Wikipedia, .6
and 2.6 for products of Amazon."""


@dataclass(frozen=True)
class LabelCounts:
    """How many training queries have each document as a positive, and how many queries there are.

    `table` has doc_id and count; a document that it lacks is of none.
    """

    table: pl.DataFrame
    queries: int
    name: str = ""

    @staticmethod
    def of_training(collection: Collection) -> LabelCounts:
        """Those of a collection that was trained with."""
        positive = collection.qrels.filter(pl.col("relevance") > 0)
        table = positive.group_by("doc_id").agg(count=pl.len().cast(pl.Int64))
        split = f"@{collection.split}" if collection.split else ""
        return LabelCounts(table, positive["query_id"].n_unique(), f"{collection.name}{split}")

    def of(self, docs: pl.Series) -> Places:
        """int64[n]: the counts of documents by id."""
        asked = docs.to_frame("doc_id")
        found = asked.join(self.table, on="doc_id", how="left", maintain_order="left")["count"]
        return found.fill_null(0).to_numpy().astype(np.int64)


def label_counts(collection: Collection, trained_on: Data = None) -> LabelCounts | None:
    """Those of `trained_on`, or of the split train of the same data; None where there is none."""
    if trained_on is not None:
        return LabelCounts.of_training(as_collection(trained_on))
    if collection.split == _TRAIN:
        return LabelCounts.of_training(collection)
    split = parse(collection.origin).split if collection.origin else None
    whole = collection.origin.removesuffix(f"@{split}")
    if not split or _TRAIN not in splits(whole):
        return None
    return LabelCounts.of_training(load(f"{whole}@{_TRAIN}", **collection.read_with))


def propensities(counts: Places, queries: int, a: float = A, b: float = B) -> Doubles:
    """float64[n]: the propensity of labels of so many of all training queries.

    >>> import numpy as np
    >>> propensities(np.array([0, 1, 100]), 1000).round(4).tolist()
    [0.1133, 0.1448, 0.5648]
    """
    c = max(np.log(max(queries, 1)) - 1, 0.0) * (b + 1) ** a
    made: Doubles = 1 / (1 + c * (counts + b) ** -a)
    return made

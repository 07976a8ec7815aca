"""Batches in which no two rows are of one cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from negatives.arrays import Places, starts_of
from negatives.batch.clusters import k_means
from negatives.batch.epochs import Orders
from negatives.batch.examples import Examples
from negatives.batch.needed import positive_vectors, query_vectors
from negatives.batch.of_vectors import OfVectors
from negatives.batch.order import Order, draws, permutation, placed
from negatives.errors import DataError, RecipeError


class NoSameCluster(OfVectors, kind="no-same-cluster"):
    """Rows of one pseudo-label, a cluster of queries, never share a batch (G-SimCLR).

    Chakraborty et al. (2020): where nothing is labelled, what is alike may be the same. This takes
    the hard negatives of a batch away with the false ones; the more clusters, the fewer of either.
    What is left when a cluster is bigger than the number of batches goes into smaller ones. What is
    clustered is vectors, whatever they are of: texts, images or ids. Pseudo-labels may be those of
    the rows' positives instead: clusters of them, or what is above them in a taxonomy, so that no
    two siblings share a batch.

    >>> from negatives import tiny
    >>> from negatives.batch.no_same_cluster import NoSameCluster
    >>> tiny.batches(NoSameCluster(clusters=2), size=2)
    [['van', 'cat'], ['bus', 'dog'], ['car', 'hen'], ['tram', 'cat 2']]
    """

    arranges: ClassVar[bool] = True

    clusters: Annotated[
        int, Meta(ge=0, description="pseudo-labels; 0: twice as many as a batch has rows")
    ] = 0

    of: Annotated[
        Literal["queries", "positives", "parents"],
        Meta(
            description="whose clusters the pseudo-labels are; or the field `parent` of the "
            "positives"
        ),
    ] = "queries"

    def refuse_few(self, queries: int, examples: int, size: int) -> None:
        """Some label has several queries."""
        super().refuse_few(queries, examples, size)
        labels = self._labels(size)
        if self.of == "parents":
            return
        if labels >= queries:
            raise DataError(
                f"{queries:,} queries have {labels:,} pseudo-labels, each its own: batches are a "
                "plain shuffle",
                where="batch.clusters",
                fix=f"--set batch.clusters={max(2, queries // 2)}, or fewer",
            )

    def _labels(self, size: int) -> int:
        return self.clusters or 2 * size

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Cluster once; every epoch draws anew."""
        label = self._pseudo_labels(examples, size, seed)
        return lambda epoch: apart(label, size, seed, f"no-same-cluster/{epoch}")

    def _pseudo_labels(self, examples: Examples, size: int, seed: int) -> Places:
        """int64[n], from 0 without a gap."""
        if self.of != "parents":
            vectors_of = query_vectors if self.of == "queries" else positive_vectors
            return k_means(vectors_of(examples, self.kind), self._labels(size), seed, self.kind)
        if examples.doc_parents is None:
            raise RecipeError(
                f"{self.kind}: documents have no field `parent`",
                where="batch.of",
                fix='give them one (see the reference of fields), or of = "positives"',
            )
        positive = examples.docs[:, 0].astype(np.int64)
        parent = examples.doc_parents()[positive]
        # What has no parent is its own: it is the sibling of nothing.
        own = np.where(parent < 0, int(parent.max(initial=-1)) + 1 + positive, parent)
        return np.unique(own, return_inverse=True)[1].astype(np.int64)


def apart(label: Places, size: int, seed: int, stream: str) -> Order:
    """An epoch in which the rows of a batch all have different labels (int64[n], from 0).

    Batch by batch, labels are drawn in proportion to the rows they have left, without replacement
    (Efraimidis and Spirakis, 2006); a label with as many rows left as there are batches to come is
    always drawn, so that there are no more batches than there must be.
    """
    rows = permutation(len(label), seed, f"{stream}/rows")
    rows = rows[np.argsort(label[rows], kind="stable")]
    left = np.bincount(label)
    first = starts_of(left)
    chosen = [np.empty(0, np.int64)]
    batch: list[int] = []
    remaining = len(rows)
    while remaining:
        to_come = max(-(-remaining // size), int(left.max()))
        chance = draws(len(left), seed, f"{stream}/{len(batch)}")
        key = np.where(left >= to_come, np.inf, np.log(chance) / np.maximum(left, 1e-9))
        drawn = np.argsort(-key, kind="stable")[: min(size, np.count_nonzero(left))]
        left[drawn] -= 1
        chosen.append(rows[first[drawn] + left[drawn]])
        batch.append(len(drawn))
        remaining -= len(drawn)
    number = np.repeat(np.arange(len(batch)), np.array(batch, np.int64))
    return placed(np.concatenate(chosen), number, seed, f"{stream}/batches")

"""Batches of whole clusters that grow as training goes on."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta, field

from negatives.arrays import Places
from negatives.batch.batcher import Batch
from negatives.batch.clusters import balanced
from negatives.batch.epochs import Orders
from negatives.batch.examples import Examples
from negatives.batch.groups import whole
from negatives.batch.needed import query_vectors
from negatives.batch.of_vectors import OfVectors
from negatives.batch.order import Order, permutation


class ClusterAware(OfVectors, kind="cluster-aware"):
    """Clusters of like queries share a batch, and double in size at given epochs (NGAME).

    Dahiya et al. (2023): rows of one cluster are hard negatives of each other, other clusters give
    variety. Clusters are balanced, never bigger than a batch, and never cut. Clusters of 1 are a
    plain shuffle. The paper makes the vectors anew every five epochs (`refresh`). Rows that share
    what is relevant meet often: the loss has to mask it. The rows of one query have one vector, so
    that a cluster of them would have no negative in it: where queries have several positives, take
    "one-a-query", as the paper does: an epoch has each query once, with one of its positives.

    >>> from negatives import tiny
    >>> from negatives.batch.cluster_aware import ClusterAware
    >>> tiny.batches(ClusterAware(first=2, double_at=[1]), size=4)
    [['hen', 'dog', 'tram', 'van'], ['cat', 'cat 2', 'car', 'bus']]
    >>> tiny.batches(ClusterAware(first=2, double_at=[1]), size=4, epoch=1)
    [['car', 'tram', 'bus', 'van'], ['dog', 'cat', 'hen', 'cat 2']]
    """

    arranges: ClassVar[bool] = True

    first: Annotated[int, Meta(ge=1, description="rows of a cluster in the first epoch")] = 1
    rows: Annotated[
        Literal["all", "one-a-query"],
        Meta(description="of a query with several positives, an epoch has all rows, or one drawn"),
    ] = "all"
    double_at: Annotated[
        list[Annotated[int, Meta(ge=1)]],
        Meta(description="epochs, from 0, at which clusters double in size"),
    ] = field(default_factory=lambda: [1, 2, 3, 4, 5])

    def refuse_few(self, queries: int, examples: int, size: int) -> None:
        """Of one row a query there are as many as queries."""
        super().refuse_few(queries, examples if self.rows == "all" else queries, size)

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Cluster anew whenever the size changes, by one and the same vectors."""
        vectors = query_vectors(examples, self.kind)
        of_row = np.arange(len(examples))
        if self.rows == "one-a-query":
            _, first, of_row = np.unique(examples.query, return_index=True, return_inverse=True)
            vectors = vectors[first]
        kept: dict[int, Places] = {}
        turn = threading.Lock()

        def ordered(epoch: int) -> Order:
            doubled = sum(at <= epoch for at in self.double_at)
            members = min(self.first * 2**doubled, size, max(len(vectors), 1))
            with turn:
                if members not in kept:
                    kept.clear()
                    clusters = -(-len(vectors) // members)
                    kept[members] = (
                        np.arange(len(vectors))
                        if members == 1
                        else balanced(vectors, clusters, seed, f"cluster-aware/{members}")
                    )
                group = kept[members]
            order = whole(group, size, seed, f"cluster-aware/{epoch}")
            if self.rows == "all":
                return order
            return replace(order, rows=_one_each(of_row, seed, epoch)[order.rows])

        return ordered


def _one_each(of_row: Places, seed: int, epoch: int) -> Batch:
    """int32[queries]: a row of each query, drawn anew each epoch; of_row: int64[n], its query."""
    drawn = permutation(len(of_row), seed, f"cluster-aware/{epoch}/rows-of-queries")
    _, first = np.unique(of_row[drawn], return_index=True)
    return drawn[first].astype(np.int32)

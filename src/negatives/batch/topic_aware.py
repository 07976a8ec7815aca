"""Batches of one topic, so that the other rows' documents are hard negatives."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from negatives.arrays import Places, places_within
from negatives.batch.clusters import k_means
from negatives.batch.epochs import Orders
from negatives.batch.examples import Examples
from negatives.batch.needed import query_vectors
from negatives.batch.of_vectors import OfVectors
from negatives.batch.order import Order, permutation, placed
from negatives.errors import DataError

_A_TOPIC = 200
"""Queries of a cluster, about, as in the paper."""


class TopicAware(OfVectors, kind="topic-aware"):
    """Each batch comes from one cluster of queries (TAS, Hofstätter et al., 2021).

    k-means of the query vectors. Fewer than 400 queries make clusters of two batches each, since
    one for every 200 would be none. Every row comes once an epoch, so clusters are drawn in
    proportion to their size, where the paper draws them evenly and small ones too often. What is
    left of each cluster when its full batches are made is joined in batches of several topics. The
    paper's draw of negatives evenly over a teacher's margins is the picker `stratified`. One topic
    holds many unlabelled positives: train with a teacher, or at least with what is known masked.

    >>> from negatives import tiny
    >>> from negatives.batch.topic_aware import TopicAware
    >>> tiny.batches(TopicAware(clusters=2), size=4)
    [['hen', 'cat 2', 'dog', 'cat'], ['van', 'car', 'bus', 'tram']]
    """

    arranges: ClassVar[bool] = True

    clusters: Annotated[
        int,
        Meta(
            ge=0,
            description="of queries; 0: one for every 200 different queries, and of fewer than 400 "
            "one for every two batches",
        ),
    ] = 0
    per_batch: Annotated[int, Meta(ge=1, description="clusters that share a batch")] = 1

    def refuse_few(self, queries: int, examples: int, size: int) -> None:
        """There are at least two topics."""
        super().refuse_few(queries, examples, size)
        if self._topics(queries, size) < 2:
            smaller = max(1, queries // 4)
            raise DataError(
                f"{queries:,} queries make one topic, of which batches of {size} are a plain "
                "shuffle",
                where="batch.clusters, train.batch_size",
                fix=f"--set batch.clusters=2 or more, or --set train.batch_size={smaller}",
            )

    def _topics(self, queries: int, size: int) -> int:
        """Clusters of so many queries."""
        usual = queries // _A_TOPIC if queries >= 2 * _A_TOPIC else queries // (2 * size)
        return min(self.clusters or usual, queries)

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Cluster once by these vectors; every epoch deals the clusters anew."""
        clusters = max(1, self._topics(len(np.unique(examples.query)), size))
        vectors = query_vectors(examples, self.kind)
        topic = k_means(vectors, clusters, seed, self.kind)
        each = max(1, size // self.per_batch)
        return lambda epoch: _dealt(topic, each, size, seed, f"topic-aware/{epoch}")


def _dealt(topic: Places, each: int, size: int, seed: int, stream: str) -> Order:
    """Pieces of `each` rows of a topic, as many to a batch as fit; what is left fills the last."""
    rows = permutation(len(topic), seed, f"{stream}/rows")
    rows = rows[np.argsort(topic[rows], kind="stable")]
    members = np.bincount(topic)
    place = places_within(members)
    full = place < np.repeat(members // each * each, members)
    whole, rest = rows[full].reshape(-1, each), rows[~full]
    whole = whole[permutation(len(whole), seed, f"{stream}/pieces")]
    together = max(1, size // each)
    batch = np.repeat(np.arange(len(whole)) // together, each)
    begun = int(batch.max(initial=-1)) + 1
    # Leftovers of one topic stay together: topics are shuffled, not rows.
    shuffled = permutation(len(members), seed, f"{stream}/topics")
    rest = rest[np.argsort(np.argsort(shuffled)[topic[rest]], kind="stable")]
    batch = np.concatenate([batch, begun + np.arange(len(rest)) // size])
    return placed(np.concatenate([whole.ravel(), rest]), batch, seed, f"{stream}/batches")

"""Batches of groups whose rows are hard for each other, and hardly false."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from negatives.arrays import Places, spread, starts_of
from negatives.batch.epochs import Orders
from negatives.batch.examples import Examples
from negatives.batch.groups import whole
from negatives.batch.near import Near
from negatives.batch.of_vectors import OfVectors
from negatives.batch.order import permutation
from negatives.search.shortlist import NO_DOC

_OWNERS = 64  # rows of one positive that are looked at, drawn by the seed


class SelfAwareBatches(OfVectors, kind="self-aware"):
    """A row and the owners of documents near its query, those that ask the least alike (SaHa).

    Ju and Lee (2025): a document near a query is a hard negative if the query it is a positive of
    asks something else, and a likely positive if it asks the same. Of the nearest `others *
    multiple` owned documents those `others` are taken whose owners' queries are least like the
    row's; they make a group with it, and batches are made of whole groups. Rows that found no owner
    that was free look again among twice as many; what is then alone stays alone. (The paper uses
    owners again there; here every row comes once an epoch.)

    >>> from negatives import tiny
    >>> from negatives.batch.self_aware import SelfAwareBatches
    >>> tiny.batches(SelfAwareBatches(others=3, multiple=1), size=4)
    [['cat 2', 'cat', 'dog', 'hen'], ['van', 'tram', 'bus', 'car']]
    """

    arranges: ClassVar[bool] = True

    others: Annotated[int, Meta(ge=1, description="rows that a row brings into its group")] = 7
    multiple: Annotated[
        int,
        Meta(ge=1, description="owners considered for each of them; 1: the nearest as they are"),
    ] = 5

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Group once by these vectors; every epoch shuffles the groups."""
        group = self.groups(examples, size, seed)
        return lambda epoch: whole(group, size, seed, f"self-aware/{epoch}")

    def groups(self, examples: Examples, size: int, seed: int) -> Places:
        """int64[n]: the group of each row, numbered from 0; at most 1 + `others` rows each."""
        near = Near.of(examples, self.kind)
        group = np.full(len(examples), -1, np.int64)
        others = min(self.others, size - 1)
        made = 0
        for pool in (1, 2) if others else ():
            made = _gather(near, group, made, (others, others * self.multiple * pool), seed)
        alone = group < 0
        group[alone] = made + np.arange(int(alone.sum()))
        return group


def _gather(near: Near, group: Places, made: int, shape: tuple[int, int], seed: int) -> int:
    """Group what has no group yet, in random order; how many groups there are then.

    shape: others of a group, and owners that are considered for them.
    """
    others, considered = shape
    found = near.search(2 * considered)
    pool = permutation(len(group), seed, "self-aware/rows")
    members = pool[np.argsort(near.positive[pool], kind="stable")]
    owners = np.bincount(near.positive)
    first = starts_of(owners)
    owners = np.minimum(owners, _OWNERS)
    vectors = near.queries
    for row in pool.tolist():
        if group[row] >= 0:
            continue
        docs = found[near.query[row]]
        docs = docs[docs != NO_DOC]
        rank = np.repeat(np.arange(len(docs)), owners[docs])
        owner = members[spread(first[docs], owners[docs])]
        free = (group[owner] < 0) & (near.query[owner] != near.query[row])
        owner, rank = owner[free], rank[free]
        asked = vectors[near.query[owner]], vectors[near.query[row]]
        alike = np.einsum("nd,d->n", *asked)
        best = np.lexsort((owner, -alike, rank))  # of several owners the most alike stands for all
        best = best[np.diff(rank[best], prepend=-1) != 0][:considered]
        chosen = owner[best[np.argsort(alike[best], kind="stable")]][:others]
        if len(chosen):
            group[row] = group[chosen] = made
            made += 1
    return made

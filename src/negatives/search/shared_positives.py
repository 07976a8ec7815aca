"""What queries share positives: how a document stands to a query by judgements alone, no content.

Everything here is seen as if the pair's own label was not known. A pair (q, d) that is labelled has
three marks that an unlabelled one has not, and each would give the label away: q is among the
queries that have d, so that d is shared with every positive of q once more; d is among the
positives of q, and is like itself; and q has one *other* positive fewer. So q is never counted
among the queries that have a document; d is never compared with itself; and of the query of an
unlabelled pair one positive, drawn once for each query, is left out too. What is left of a query
with a single positive is nothing, labelled or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles, Floats, Places, Ragged, Rows, by_volume
from negatives.chance import id_hashes, mix, stream_key
from negatives.schema import Collection

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CELLS: Final = 1 << 23
"""Numbers of a block of queries, and of the pairs of a document and a query that has it."""


@dataclass(frozen=True)
class SharedPositives:
    """The positives of a collection, both ways round.

    `docs[q]` and `queries[d]`: ascending. `left_out: int64[queries]`: the positive that is left out
    for unlabelled pairs; -1 where a query has none.
    """

    docs: Ragged[np.uint32]
    queries: Ragged[np.uint32]
    left_out: Places

    @staticmethod
    def of(collection: Collection, seed: int) -> SharedPositives:
        """Which positive is left out follows from the seed and the ids."""
        pairs = collection.positives
        query, doc = pairs["query"].to_numpy(), pairs["doc"].to_numpy()
        of_query, of_doc = (
            id_hashes(ids)[rows]
            for ids, rows in ((collection.ids("queries"), query), (collection.ids("docs"), doc))
        )
        drawn = mix(mix(of_query) ^ of_doc ^ stream_key(seed, "shared-positives"))
        order = np.lexsort((doc, drawn, query))
        first = np.flatnonzero(np.diff(query[order].astype(np.int64), prepend=-1))
        left_out = np.full(len(collection.queries), -1, np.int64)
        left_out[query[order][first]] = doc[order][first]
        by_doc = np.lexsort((query, doc))
        return SharedPositives(
            Ragged.of_owners(query, doc, len(collection.queries)),
            Ragged.of_owners(doc[by_doc], query[by_doc], len(collection.corpus)),
            left_out,
        )

    def counts(self, query: Rows, doc: Rows) -> Places:
        """int64[n]: how many *other* queries have each pair's document as a positive."""
        return self.queries.lengths[doc] - self.labelled(query, doc)

    def labelled(self, query: Rows, doc: Rows) -> Bools:
        """bool[n]: whether a pair is a positive."""
        keys = self._keys
        asked = query.astype(np.uint64) << np.uint64(32) | doc
        if not len(keys):
            return np.zeros(len(asked), np.bool_)
        found: Bools = np.equal(keys.take(np.searchsorted(keys, asked), mode="clip"), asked)
        return found

    @property
    def _keys(self) -> Any:
        owner = self.docs.owners.astype(np.uint64)
        return owner << np.uint64(32) | self.docs.values

    def matrix(self) -> csr_matrix:
        """float32[queries, docs]: 1 for each positive."""
        from scipy.sparse import csr_matrix

        shape = len(self.docs), len(self.queries)
        ones = np.ones(len(self.docs.values), np.float32)
        return csr_matrix((ones, self.docs.values.astype(np.int64), self.docs.starts), shape=shape)


Worth = Callable[[NDArray[Any], NDArray[Any], Floats], Floats]
"""What sharing so much counts for: see `Reach`."""


class Reach:
    """How much of the queries that have a document is shared with a query: the sum over all owners.

    `weights: float64[docs]` of a shared positive. `worth(queries, owners, shared)` is what sharing
    so much with an owner counts for: float32[n], given the rows of both; 0 counts for 0.
    """

    def __init__(self, shared: SharedPositives, weights: Doubles, worth: Worth) -> None:
        self.shared, self._worth = shared, worth
        self._weights = weights.astype(np.float32)
        self._matrix = shared.matrix()
        self._turned = self._matrix.T.tocsr()

    def blocks(self, queries: Rows) -> Iterator[tuple[Rows, Floats]]:
        """Some of the queries, in their order, and float32[some, docs]; positives count 0."""
        wide = max(self._matrix.shape)
        step = max(1, CELLS // max(wide, 1))
        for start in range(0, len(queries), step):
            some = queries[start : start + step]
            yield some, self._of_all(some)

    def _of_all(self, some: Rows) -> Floats:
        """What unlabelled pairs reach; 0 for the labelled ones."""
        held = self._overlap(some, held=True)
        asker = np.repeat(some, np.diff(held.indptr))
        held.data = self._worth(asker, held.indices, held.data)
        made: Floats = (held @ self._matrix).toarray()
        theirs = self.shared.docs.take(some)
        made[theirs.owners, theirs.values] = 0.0
        return made

    def labelled(self, query: Rows, doc: Rows) -> Doubles:
        """float64[n]: the same of pairs that are positives, their own labels not considered."""
        found = np.zeros(len(query))
        different, place = np.unique(query, return_inverse=True)
        step = max(1, CELLS // max(max(self._matrix.shape), 1))
        for start in range(0, len(different), step):
            some = different[start : start + step]
            whole = self._overlap(some, held=False).toarray()
            mine = np.flatnonzero((place >= start) & (place < start + step))
            sizes = self.shared.queries.lengths[doc[mine]]
            for low, high in by_volume(sizes, CELLS):
                pairs = mine[low:high]
                owners = self.shared.queries.take(doc[pairs])
                asker, owner = pairs[owners.owners], owners.values
                value = whole[place[asker] - start, owner] - self._weights[doc[asker]]
                value = self._worth(query[asker], owner, np.maximum(value, 0.0))
                value[owner == query[asker]] = 0.0
                np.add.at(found, asker, value)
        return found

    def _overlap(self, some: Rows, *, held: bool) -> csr_matrix:
        """float32[some, queries], sparse: weights of shared positives; 0 with itself.

        `held`: of those that are left of a query for its unlabelled pairs.
        """
        theirs = self.shared.docs.take(some)
        kept = (
            theirs.values != self.shared.left_out[some][theirs.owners]
            if held
            else np.ones(len(theirs.values), np.bool_)
        )
        from scipy.sparse import csr_matrix

        docs = theirs.values[kept].astype(np.int64)
        rows = csr_matrix(
            (self._weights[docs], (theirs.owners[kept], docs)),
            shape=(len(some), self._matrix.shape[1]),
        )
        made = rows @ self._turned
        made.data[made.indices == np.repeat(some, np.diff(made.indptr))] = 0.0
        return made

    def pairs(self, query: Rows, doc: Rows) -> Doubles:
        """float64[n]: of any pairs, each as if its own label was not known."""
        found = np.zeros(len(query))
        different, place = np.unique(query, return_inverse=True)
        start = 0
        for some, block in self.blocks(different):
            mine = (place >= start) & (place < start + len(some))
            found[mine] = block[place[mine] - start, doc[mine]]
            start += len(some)
        known = self.shared.labelled(query, doc)
        found[known] = self.labelled(query[known], doc[known])
        return found

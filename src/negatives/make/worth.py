"""What a written negative is worth before anybody has judged it: hard, and no answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from negatives.arrays import Doubles, Floats, Rows
from negatives.make.drawn import drawn_positives
from negatives.models.encoder import sides
from negatives.models.open_encoder import open_encoder
from negatives.opening import Context
from negatives.stats.lengths import normalised


class Worth:
    """By an encoder: how near a text comes to its query, as a share of how near a positive is.

    A text that comes nearer than `most` of the positive would be rejected as probably relevant, and
    one that is the positive in other words too: either is worth nothing.
    """

    def __init__(self, context: Context, encoder: str, most: float) -> None:
        machine = context.machine
        opened = open_encoder(
            encoder, threads=machine.threads, device=machine.device, emit=context.emit
        )
        self._context, self._most = context, most
        self._queries, self._docs = sides(opened)

    def query_vectors(self, rows: Rows) -> Floats:
        """float32[n, dim], unit length, of queries by row."""
        texts = self._context.collection.query_texts(rows)
        return normalised(self._queries.encode(texts).vectors)

    def of(self, rows: Sequence[int], texts: Sequence[str]) -> Doubles:
        """float64[n] in 0 to 1 of each text for the query of that row."""
        if not texts:
            return np.empty(0)
        distinct, which = np.unique(np.array(rows, np.uint32), return_inverse=True)
        queries = self.query_vectors(distinct)
        drawn = drawn_positives(self._context, distinct, "make/worth")
        positives = np.zeros_like(queries)
        known = np.searchsorted(distinct, drawn["query"].to_numpy())
        if len(known):
            answers = self._context.collection.doc_texts(drawn["doc"].to_numpy())
            positives[known] = normalised(self._docs.encode(answers).vectors)
        made = normalised(self._docs.encode(list(texts)).vectors)
        near = np.einsum("nd,nd->n", queries[which], made)
        return worth(
            near,
            np.einsum("nd,nd->n", queries[which], positives[which]),
            np.einsum("nd,nd->n", made, positives[which]),
            self._most,
        )


def worth(near: Floats, positive: Floats, same: Floats, most: float) -> Doubles:
    """float64[n] from cosines: of text and query, of positive and query, of text and positive.

    >>> import numpy as np
    >>> cosines = [np.array(each) for each in ([0.4, 0.79, 0.4], [0.8] * 3, [0.5, 0.5, 0.99])]
    >>> worth(*cosines, most=0.95).tolist()
    [0.5, 0.0, 0.0]
    """
    share = near / np.maximum(positive, 1e-6)
    good = (share < most) & (same < most)
    return np.where(good, np.clip(share, 0, 1), 0.0).astype(np.float64)

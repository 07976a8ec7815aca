"""Documents ranked by a sparse encoder: by the products of the weights of words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from negatives.arrays import Floats, Rows
from negatives.events import Progress
from negatives.models.sparse_encoder import SparseEncoder
from negatives.opening import Context
from negatives.schema import Collection
from negatives.search.excluded import Excluded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

AT_ONCE: Final = 4096
"""Documents that are encoded, written and read at one time: a tile."""


@dataclass(frozen=True, slots=True)
class SparseVectors:
    """Queries in memory, documents in tiles that lie in files, each with its first row."""

    collection: Collection
    queries: csr_matrix
    tiles: tuple[tuple[int, Path], ...]

    @classmethod
    def of(cls, model: str, context: Context) -> SparseVectors:
        """All that is asked and all that can be found, encoded by `model`."""
        from scipy.sparse import save_npz

        collection, machine = context.collection, context.machine
        encoder = SparseEncoder(model, threads=machine.threads, device=machine.device)
        asked = encoder.encode(collection.query_texts(collection.mined_queries), "query")
        tiles, count = [], len(collection.corpus)
        for start in range(0, count, AT_ONCE):
            context.emit(Progress("encode corpus (sparse)", start, count, "texts"))
            rows = np.arange(start, min(start + AT_ONCE, count), dtype=np.uint32)
            path = context.scratch / f"sparse-{start:010d}.npz"
            made = encoder.encode(collection.doc_texts(rows), "document")
            save_npz(path, made, compressed=False)
            tiles.append((start, path))
        context.emit(Progress("encode corpus (sparse)", count, count, "texts"))
        return cls(collection, asked, tuple(tiles))

    def best(self, places: Rows, depth: int, barred: Excluded) -> tuple[Rows, Floats]:
        """uint32[q, k], float32[q, k]: for some of the queries the documents with the highest
        products, the first row first among equal ones; -inf where no word is shared.
        """
        docs = np.zeros((len(places), 0), np.uint32)
        scores = np.zeros((len(places), 0), np.float32)
        for start, block in self._scored(places):
            self._leave_out(block, start, barred)
            rows = np.arange(start, start + block.shape[1], dtype=np.uint32)
            docs = np.hstack([docs, np.broadcast_to(rows, block.shape)])
            scores = np.hstack([scores, block])
            order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
            docs = np.take_along_axis(docs, order, axis=1)
            scores = np.take_along_axis(scores, order, axis=1)
        return docs, scores

    def _scored(self, places: Rows) -> Iterator[tuple[int, Floats]]:
        from scipy.sparse import load_npz

        asked = self.queries[places]
        for start, path in self.tiles:
            block = (asked @ load_npz(path).T).toarray()
            yield start, np.where(block > 0, block, np.float32("-inf"))

    def _leave_out(self, block: Floats, start: int, barred: Excluded) -> None:
        """Set to -inf what may not be found: empty documents, and what is barred."""
        stop = start + block.shape[1]
        empty = self.collection.empty_docs
        block[:, empty[(empty >= start) & (empty < stop)] - start] = -np.inf
        here = (barred.doc >= start) & (barred.doc < stop)
        block[barred.query[here], barred.doc[here] - start] = -np.inf

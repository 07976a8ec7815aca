"""Documents ranked by a sparse encoder: by the products of the weights of words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from negatives.arrays import Floats, Rows
from negatives.errors import InputError
from negatives.events import Progress
from negatives.find.dense import Dense
from negatives.models.sparse_encoder import SparseEncoder
from negatives.needs import check_needs
from negatives.opening import Context
from negatives.schema import TEXTS, Collection
from negatives.search.excluded import Excluded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ENCODED: Final = 256
"""Documents that are encoded at one time."""
TILE: Final = 4096
"""Documents of a tile, at most."""
CELL: Final = 32
"""Bytes that ranking takes for each document of a tile and each query."""


@dataclass(frozen=True, slots=True)
class SparseVectors:
    """Documents in tiles that lie in files, each with its first row; queries when they are asked.

    A tile, and what is ranked at one time, take an eighth of the memory that may be used.
    """

    context: Context
    encoder: SparseEncoder
    tiles: tuple[tuple[int, Path], ...]

    @classmethod
    def of(cls, named: Dense, context: Context) -> SparseVectors:
        """All that can be found, encoded by the model that `named` names.

        Raises `DataError` where there are no texts, `InputError` for settings of dense encoders.
        """
        model = named.encoder
        if named != Dense(encoder=model, similarity=named.similarity):
            fix = "leave them out"
            raise InputError("prompts, vectors and keys are for dense encoders", fix=fix)
        check_needs(context.collection, TEXTS, f"the sparse encoder {model}")
        machine = context.machine
        encoder = SparseEncoder(model, threads=machine.threads, device=machine.device)
        return cls(context, encoder, tuple(_tiles(encoder, context)))

    @property
    def collection(self) -> Collection:
        """What is ranked."""
        return self.context.collection

    def best(self, queries: Rows, depth: int, barred: Excluded) -> tuple[Rows, Floats]:
        """uint32[q, k], float32[q, k]: for the queries at these rows the documents with the highest
        products, of equal ones the first; -inf where no word is shared. `barred`: by place.
        """
        step = max(1, self.context.machine.memory // 8 // (CELL * (TILE + depth)))
        found = [
            self._best(queries[at : at + step], depth, _part(barred, at, step))
            for at in range(0, len(queries), step)
        ]
        docs, scores = zip(*found, strict=True)
        return np.vstack(docs), np.vstack(scores)

    def _best(self, queries: Rows, depth: int, barred: Excluded) -> tuple[Rows, Floats]:
        from scipy.sparse import load_npz

        asked = self.encoder.encode(self.collection.query_texts(queries), "query")
        docs = np.zeros((len(queries), 0), np.uint32)
        scores = np.zeros((len(queries), 0), np.float32)
        for start, path in self.tiles:
            block = (asked @ load_npz(path).T).toarray()
            block[block <= 0] = -np.inf
            self._leave_out(block, start, barred)
            rows = np.arange(start, start + block.shape[1], dtype=np.uint32)
            docs = np.hstack([docs, np.broadcast_to(rows, block.shape)])
            scores = np.hstack([scores, block])
            order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
            docs = np.take_along_axis(docs, order, axis=1)
            scores = np.take_along_axis(scores, order, axis=1)
        return docs, scores

    def _leave_out(self, block: Floats, start: int, barred: Excluded) -> None:
        """Set to -inf what may not be found: empty documents, and what is barred."""
        stop = start + block.shape[1]
        empty = self.collection.empty_docs
        block[:, empty[(empty >= start) & (empty < stop)] - start] = -np.inf
        here = (barred.doc >= start) & (barred.doc < stop)
        block[barred.query[here], barred.doc[here] - start] = -np.inf


def _part(barred: Excluded, start: int, count: int) -> Excluded:
    """What is barred of some of the queries, by their places among these."""
    here = (barred.query >= start) & (barred.query < start + count)
    return Excluded((barred.query[here] - start).astype(np.uint32), barred.doc[here])


def _tiles(encoder: SparseEncoder, context: Context) -> Iterator[tuple[int, Path]]:
    """The documents, encoded and written: as many in a file as memory has room for."""
    from scipy.sparse import save_npz, vstack

    collection, count = context.collection, len(context.collection.corpus)
    room, begun = context.machine.memory // 8, 0
    held: list[csr_matrix] = []
    for start in range(0, count, ENCODED):
        context.emit(Progress("encode corpus (sparse)", start, count, "texts"))
        stop = min(start + ENCODED, count)
        rows = np.arange(start, stop, dtype=np.uint32)
        held.append(encoder.encode(collection.doc_texts(rows), "document"))
        size = sum(each.data.nbytes + each.indices.nbytes for each in held)
        if stop == count or stop - begun + ENCODED > TILE or size > room:
            path = context.scratch / f"sparse-{begun:010d}.npz"
            save_npz(path, vstack(held, format="csr"), compressed=False)
            yield begun, path
            held, begun = [], stop
    context.emit(Progress("encode corpus (sparse)", count, count, "texts"))

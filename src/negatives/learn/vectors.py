"""Vectors of a training set's texts by a frozen encoder: for batchers, and for guided losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from negatives.events import Emit
from negatives.machine import Machine
from negatives.models.embedding import Embedded, embed
from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder
from negatives.opening import Context
from negatives.schema import Collection, Floats
from negatives.store.vectors import read_rows


class Vectors:
    """float32 vectors of unit length, by row of the collection; each text is encoded once.

    They lie in a file, and come from the shared store where another run has made them.
    """

    def __init__(
        self,
        encoder: str,
        collection: Collection,
        scratch: Path,
        *,
        machine: Machine,
        emit: Emit,
        opened: Encoder | None = None,
    ) -> None:
        self._collection = collection
        scratch.mkdir(parents=True, exist_ok=True)
        context = Context(collection, scratch, machine, emit=emit)
        if opened is None:
            opened = open_encoder(
                encoder, threads=machine.threads, device=machine.device, emit=emit
            )
        self._embedded: Embedded = embed(opened, context, name=encoder, label="guide")

    def queries(self, rows: Any) -> Floats:
        """float32[n, dim] of mined queries, by row of the collection."""
        places = np.searchsorted(self._collection.mined_queries, rows).astype(np.uint32)
        return read_rows(self._embedded.queries, places)

    def docs(self, rows: Any) -> Floats:
        """float32[..., dim] of documents, zeros where the row is -1."""
        flat = np.asarray(rows).reshape(-1)
        made = read_rows(self._embedded.docs, np.maximum(flat, 0).astype(np.uint32))
        made[flat < 0] = 0
        return made.reshape(*np.shape(rows), made.shape[1])

    def guide(self, queries: Any, docs: Any) -> tuple[Floats, Floats]:
        """Vectors of queries int32[n] and documents int32[n, m]."""
        return self.queries(queries), self.docs(docs)

    def all_queries(self) -> Floats:
        """float32[queries, dim] of every query of the collection; zeros where it is not mined."""
        made = np.zeros(
            (len(self._collection.queries), self._embedded.queries.shape[1]), np.float32
        )
        made[self._collection.mined_queries] = self._embedded.queries
        return made

    def all_docs(self) -> Floats:
        """float32[documents, dim]."""
        return np.array(self._embedded.docs)

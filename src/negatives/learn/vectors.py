"""Vectors of a training set's texts, by a frozen encoder or by the model that is being trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from negatives.batch.examples import Examples
from negatives.events import Emit
from negatives.machine import Machine
from negatives.models.embedding import Embedded, embed
from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder
from negatives.opening import Context
from negatives.schema import Collection, Floats
from negatives.stats.lengths import normalised
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


_TEXTS = 4096
"""Texts that are handed to the model at once."""


def vectors_now(model: Any, collection: Collection, examples: Examples, side: str) -> Floats:
    """float32[queries or documents, dim] of unit length, by a model of sentence-transformers.

    Of the texts of the examples alone; zeros for the others. The model goes on being trained.
    """
    if side == "queries":
        rows, total, read = examples.query, len(collection.queries), collection.query_texts
    else:
        rows, total, read = examples.docs, len(collection.corpus), collection.doc_texts
    asked = np.unique(rows[rows >= 0]).astype(np.uint32)
    training, made = model.training, np.empty((0, 0), np.float32)
    for start in range(0, len(asked), _TEXTS):
        some = asked[start : start + _TEXTS]
        found = model.encode(read(some), show_progress_bar=False)
        dense = found.to_dense().cpu().numpy() if hasattr(found, "to_dense") else found
        vectors = normalised(np.asarray(dense, np.float32))
        if not len(made):
            made = np.zeros((total, vectors.shape[1]), np.float32)
        made[some] = vectors
    model.train(training)
    return made

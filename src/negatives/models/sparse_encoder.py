"""A sparse encoder of sentence-transformers (SPLADE and its like): a text is words and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from negatives.arrays import Places
from negatives.models.batching import batches
from negatives.models.torch_model import counted, loaded, piece_counter

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BUDGET: Final = {"cpu": 1024, "cuda": 16384}
"""Pieces a batch, padding included; each has a number for every word of the vocabulary."""
MEND: Final = "give a folder or hub name of a sparse encoder with safetensors weights"


class SparseEncoder:
    """What a sparse model makes of texts, in rows that are mostly zeros, compared by products.

    No code from the model's folder is run, and only safetensors weights are read. `threads` is
    torch's number of threads, which is one number for the whole process.
    """

    def __init__(self, model: str, *, threads: int = 1, device: str = "auto") -> None:
        self._model = loaded(
            model, "SparseEncoder", threads=threads, device=device, what="encoder", fix=MEND
        )
        self._counter = piece_counter(self._model, self._model.max_seq_length)
        self._budget = BUDGET["cuda" if self._model.device.type == "cuda" else "cpu"]

    def encode(self, texts: Sequence[str], side: Literal["query", "document"]) -> csr_matrix:
        """float32[texts, words], as the model weighs the words of a query or of a document."""
        from scipy.sparse import csr_matrix, vstack

        encode = getattr(self._model, f"encode_{side}")
        read = counted(self._counter, list(texts), len)
        found: list[csr_matrix] = []
        order: list[Places] = []
        for some in batches(read.lengths, self._budget):
            made = encode(
                [texts[place] for place in some],
                batch_size=len(some),
                show_progress_bar=False,
                convert_to_tensor=True,
                convert_to_sparse_tensor=True,
            )
            made = made.float().cpu().coalesce()
            place = made.indices().numpy().astype(np.int32)
            found.append(csr_matrix((made.values().numpy(), (*place,)), shape=tuple(made.shape)))
            order.append(some)
        if not found:
            return csr_matrix((0, self._model.get_embedding_dimension()), dtype=np.float32)
        return vstack(found, format="csr")[np.argsort(np.concatenate(order))]

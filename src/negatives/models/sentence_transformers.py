"""An encoder that sentence-transformers can load: a folder, or the name of one on the hub."""

from __future__ import annotations

import copy
import hashlib
import queue
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from negatives.arrays import Floats
from negatives.models.batching import Read, encode_batches, encode_once
from negatives.models.encoder import Encoded, Encoder
from negatives.models.reading import Reading, reading_of
from negatives.models.sentence_images import IMAGE, SentenceImages
from negatives.models.sort import refuse_not_dense
from negatives.models.torch_model import (
    both_sides,
    counted,
    hash_weights,
    loaded,
    piece_counter,
)
from negatives.optional import torch

BUDGET: Final = {"cpu": 1024, "cuda": 65536}
"""Pieces a batch, padding included: small enough for a cache, large enough to fill a device."""

MEND: Final = (
    "give a sentence-transformers folder or hub name with safetensors weights, an .onnx file, an "
    "endpoint (http://host:port/v1#MODEL), or 'static'"
)


class SentenceTransformersEncoder:
    """A sentence-transformers model, with whatever backend and prompt it is configured for.

    No code from the model's folder is run, and only safetensors weights are read. `threads` is
    torch's number of threads, which is one number for the whole process. `device`: `cpu`, `cuda`,
    or `auto`, which is what torch prefers; on cuda the model computes in half precision, which is
    what vectors are stored in, and on every device that torch sees (CUDA_VISIBLE_DEVICES names
    them). Vectors are not normalised to length 1 unless the model does it itself.
    """

    def __init__(self, model: str, *, threads: int = 1, device: str = "auto") -> None:
        found = loaded(
            model, "SentenceTransformer", threads=threads, device=device, what="encoder", fix=MEND
        )
        refuse_not_dense(model)
        self._take(found)

    @classmethod
    def _of(cls, model: Any) -> SentenceTransformersEncoder:
        """The encoder that a loaded model is."""
        made = cls.__new__(cls)
        made._take(model)
        return made

    def _take(self, model: Any) -> None:
        self._model = model
        self._kind = "cuda" if model.device.type == "cuda" else "cpu"
        others: list[str] = []
        if self._kind == "cuda":
            model.half()
            seen = torch.cuda.device_count()
            others = [f"cuda:{n}" for n in range(seen) if n != (model.device.index or 0)]
        self._replicate(others)
        self._counter = piece_counter(model, model.max_seq_length)

    def _replicate(self, devices: Sequence[str]) -> None:
        """Compute on these devices too, a batch on whichever is idle."""
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._idle.put(self._model)
        for device in devices:
            self._idle.put(copy.deepcopy(self._model).to(device))
        self._workers = 1 + len(devices)

    @cached_property
    def sides(self) -> tuple[SentenceTransformersEncoder, SentenceTransformersEncoder] | None:
        """The encoders of queries and of documents, where the model has a side for each.

        Each is a model of its own, so that documents keep their stored vectors while only the
        queries' side learns.
        """
        found = both_sides(self._model)
        return None if found is None else (self._of(found[0]), self._of(found[1]))

    @cached_property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._compute(["width"]).shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the weights in memory, the modules and the longest text."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr([type(part).__name__ for part in self._model]).encode())
        digest.update(repr(self._model.max_seq_length).encode())
        hash_weights(digest, self._model)
        return f"sentence-transformers-{digest.hexdigest()}"

    @cached_property
    def contents(self) -> Mapping[str, Encoder]:
        """By content: what encodes it. Models that read images read texts as well."""
        if IMAGE not in (getattr(self._model, "modalities", None) or ()):
            return {"text": self}
        processor = getattr(self._model[0], "processor", None)
        return {
            IMAGE: SentenceImages(self._compute, self.dim, self.fingerprint, processor),
            "text": self,
        }

    def reading(self, texts: Sequence[str]) -> Reading | None:
        """What of each text the tokenizer has pieces for; None where it cannot say."""
        return None if self._counter is None else reading_of(self._counter, texts)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text: `SentenceTransformer.encode`'s, in batches of our own making."""
        if not texts:
            return Encoded(np.zeros((0, self.dim), np.float32), np.zeros(0, bool))
        return encode_once(texts, self._encode)

    def _encode(self, texts: list[str]) -> Encoded:
        budget = BUDGET[self._kind]
        return encode_batches(
            texts, self.dim, self._read, self._compute, budget=budget, workers=self._workers
        )

    def _read(self, texts: list[str]) -> Read[str]:
        return counted(self._counter, texts, len)

    def _compute(self, texts: list[Any]) -> Floats:
        model = self._idle.get()
        try:
            made = model.encode(texts, batch_size=len(texts), show_progress_bar=False)
        finally:
            self._idle.put(model)
        return np.asarray(made, np.float32)

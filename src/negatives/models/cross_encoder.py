"""A cross-encoder that sentence-transformers can load: a folder, or the name of one on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from safetensors import safe_open

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.models.batching import Read
from negatives.models.pair_batches import log_odds, refused_outputs, score_pairs
from negatives.models.reranker import Pair
from negatives.models.torch_model import counted, hash_weights, loaded, piece_counter
from negatives.optional import require, torch

BUDGET: Final = {"cpu": 2048, "cuda": 65536}
"""Pieces a batch, padding included: small enough for a cache, large enough to fill a device."""

MEND: Final = "give a cross-encoder's folder or hub name with safetensors weights, or an .onnx file"


class CrossEncoderReranker:
    """A cross-encoder with one output, or two classes (irrelevant, relevant).

    No code from the model's folder is run, and only safetensors weights are read. `threads` is
    torch's number of threads, which is one number for the whole process. `device`: `cpu`, `cuda`,
    or `auto`, which is what torch prefers; on cuda the model computes in half precision.
    """

    def __init__(self, model: str, *, threads: int = 1, device: str = "auto") -> None:
        self._model = loaded(
            model,
            "CrossEncoder",
            threads=threads,
            device=device,
            what="reranker",
            fix=MEND,
            activation_fn=torch.nn.Identity(),
        )
        self._name = model
        self._kind = "cuda" if self._model.device.type == "cuda" else "cpu"
        classes = int(self._model.config.num_labels)
        if classes not in (1, 2):
            raise refused_outputs(classes, model)
        _refuse_untrained(self._model, model)
        if self._kind == "cuda":
            self._model.half()
        self._counter = piece_counter(self._model, _longest(self._model))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the weights in memory, of what reads the texts, and of the longest pair."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr(_longest(self._model)).encode())
        digest.update(b"" if self._counter is None else self._counter.to_str().encode())
        hash_weights(digest, self._model)
        return f"cross-encoder-{digest.hexdigest()}"

    def score(self, pairs: Sequence[Pair]) -> Floats:
        """float32[pairs] log-odds: `CrossEncoder.predict`'s before any activation."""
        budget = BUDGET[self._kind]
        return score_pairs(pairs, self._read, self._compute, budget=budget, where=self._name)

    def _read(self, pairs: list[Pair]) -> Read[Pair]:
        return counted(self._counter, pairs, lambda pair: len(pair[0]) + len(pair[1]))

    def _compute(self, pairs: list[Pair]) -> Floats:
        made = self._model.predict(pairs, batch_size=len(pairs), show_progress_bar=False)
        return log_odds(made, self._name)


def _longest(model: Any) -> int | None:
    """Pieces of the longest pair; the property has two names, by version."""
    stated = model.max_seq_length if hasattr(model, "max_seq_length") else model.max_length
    return None if stated is None else int(stated)


def _refuse_untrained(model: Any, name: str) -> None:
    """An encoder gets a scoring head of random numbers when it is opened as a cross-encoder."""
    file = _weights_of(name)
    if file is None:
        return  # in several files: too large to be an encoder by mistake
    with safe_open(file, framework="numpy") as held:
        there = set(held.keys())
    heads = [
        key
        for key in model.model.state_dict()
        if key.split(".")[-2] in ("classifier", "score", "out_proj") and key.endswith("weight")
    ]
    if heads and not there.intersection(heads):
        raise DataError(
            "this is an encoder: it has no trained scores for pairs",
            where=name,
            fix="name a cross-encoder, or use it as an encoder (a dense source)",
        )


def _weights_of(name: str) -> Path | None:
    """The one safetensors file of a folder, or of a hub name's copy on this machine."""
    if Path(name).is_dir():
        file = Path(name) / "model.safetensors"
        return file if file.is_file() else None
    hub = require("huggingface_hub", extra="train")
    found = hub.try_to_load_from_cache(name, "model.safetensors")
    return Path(found) if isinstance(found, str) else None

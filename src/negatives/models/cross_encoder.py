"""A cross-encoder that sentence-transformers can load: a folder, or the name of one on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import safe_open

from negatives.arrays import Floats, Places
from negatives.errors import DataError, NegativesError, ServiceError
from negatives.faults import raise_spent
from negatives.models.pair_batches import log_odds, refused_outputs, score_pairs
from negatives.models.reranker import Pair
from negatives.models.torch_model import hash_weights, piece_counter, prepared
from negatives.optional import require

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
        library = prepared(model, threads=threads, device=device)
        try:
            self._model = library.CrossEncoder(
                model,
                device=None if device == "auto" else device,
                trust_remote_code=False,
                activation_fn=require("torch", extra="train").nn.Identity(),
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # the hub, the disk and the library each have their own
            raise_spent(error)
            raise _explained(error, model) from None
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

    def _read(self, pairs: list[Pair]) -> tuple[list[Pair], Places]:
        if self._counter is None:  # about four characters a piece, for batches alone
            return pairs, np.array([(len(q) + len(d)) // 4 for q, d in pairs], np.int64)
        counted = self._counter.encode_batch_fast(pairs)
        return pairs, np.fromiter(map(len, counted), np.int64, len(counted))

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


def _explained(error: Exception, model: str) -> NegativesError:
    if isinstance(error, ConnectionError):
        return ServiceError(f"the hub did not answer: {error}", where=model)
    text = str(error).strip() or type(error).__name__
    if "trust_remote_code" in text:
        return DataError(
            "the model needs code of its own to be run, which is never done",
            where=model,
            fix=MEND,
        )
    return DataError(f"no reranker could be loaded: {text.splitlines()[0]}", where=model, fix=MEND)

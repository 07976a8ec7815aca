"""An encoder that sentence-transformers can load: a folder, or the name of one on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.errors import DataError, RecipeError, ServiceError, nearest
from negatives.models.batching import Read, encode_batches, encode_once
from negatives.models.encoder import Encoded
from negatives.optional import require
from negatives.schema import Floats

BUDGET: Final = {"cpu": 1024, "cuda": 65536}
"""Pieces a batch, padding included: small enough for a cache, large enough to fill a device."""

DEVICES: Final = ("auto", "cpu", "cuda")

CHARACTERS_A_PIECE: Final = 4
"""About; for batches alone, where a model's tokenizer does not count."""


class SentenceTransformersEncoder:
    """A sentence-transformers model, with whatever backend and prompt it is configured for.

    No code from the model's folder is run, and only safetensors weights are read. `threads` is
    torch's number of threads, which is one number for the whole process. `device`: `cpu`, `cuda`,
    or `auto`, which is what torch prefers; on cuda the model computes in half precision, which is
    what vectors are stored in. They are not normalised to length 1 unless the model does it itself.
    """

    def __init__(self, model: str, *, threads: int = 1, device: str = "auto") -> None:
        if device not in DEVICES:
            raise RecipeError(
                f"there is no device {device!r}", where="device", mend=nearest(device, DEVICES)
            )
        library = require("sentence_transformers", extra="train")
        torch = require("torch", extra="train")
        torch.set_num_threads(threads)
        if device == "cuda" and not torch.cuda.is_available():
            raise RecipeError(
                "torch finds no cuda device here", where="device", mend="write cpu, or auto"
            )
        if Path(model).is_file():
            raise DataError(f"{model!r} is a file, not a model's folder", mend="name its folder")
        _refuse_pickles(Path(model))
        try:
            self._model = library.SentenceTransformer(
                model,
                device=None if device == "auto" else device,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # the hub, the disk and the library each have their own
            raise _explained(error, model) from None
        self._kind = "cuda" if self._model.device.type == "cuda" else "cpu"
        if self._kind == "cuda":
            self._model.half()
        self._counter = _counter_of(self._model)

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
        for name, tensor in sorted(self._model.state_dict().items()):
            held = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {held.dtype} {tuple(held.shape)}".encode())
            digest.update(held.reshape(-1).view(require("torch", extra="train").uint8).numpy())
        return f"sentence-transformers-{digest.hexdigest()}"

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text: `SentenceTransformer.encode`'s, in batches of our own making."""
        if not texts:
            return Encoded(np.zeros((0, self.dim), np.float32), np.zeros(0, bool))
        return encode_once(texts, self._encode)

    def _encode(self, texts: list[str]) -> Encoded:
        budget = BUDGET[self._kind]
        return encode_batches(texts, self.dim, self._read, self._compute, budget=budget)

    def _read(self, texts: list[str]) -> Read[str]:
        if self._counter is None:
            lengths = np.fromiter(map(len, texts), np.int64, len(texts)) // CHARACTERS_A_PIECE
            return Read(texts, lengths, np.zeros(len(texts), bool))
        counted = self._counter.encode_batch_fast(texts)
        lengths = np.fromiter(map(len, counted), np.int64, len(counted))
        cut = np.fromiter((bool(pieces.overflowing) for pieces in counted), bool, len(counted))
        return Read(texts, lengths, cut)

    def _compute(self, texts: list[str]) -> Floats:
        made = self._model.encode(texts, batch_size=len(texts), show_progress_bar=False)
        return np.asarray(made, np.float32)


def _counter_of(model: Any) -> Any:
    """A copy of the model's fast tokenizer that counts up to the longest text, None without one.

    A copy, for a tokenizer must not be set up by one thread while another uses it.
    """
    fast = getattr(getattr(model, "tokenizer", None), "backend_tokenizer", None)
    if fast is None:
        return None
    counter = require("tokenizers", extra="train").Tokenizer.from_str(fast.to_str())
    counter.no_padding()
    counter.no_truncation()
    if model.max_seq_length is not None:
        counter.enable_truncation(int(model.max_seq_length))
    return counter


def _refuse_pickles(folder: Path) -> None:
    """A folder whose weights are pickles only gets an answer before anything opens them."""
    if not folder.is_dir():
        return
    pickled = sorted(p.name for end in ("*.bin", "*.pt", "*.pth") for p in folder.rglob(end))
    if pickled and not any(folder.rglob("*.safetensors")):
        raise DataError(
            f"the weights are pickles ({', '.join(pickled[:5])}), which can run code when read",
            where=str(folder),
            mend="convert them to safetensors",
        )


def _explained(error: Exception, model: str) -> DataError | ServiceError:
    if isinstance(error, ConnectionError):
        return ServiceError(f"the hub did not answer: {error}", where=model)
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return DataError(
        f"no encoder could be loaded: {first}",
        where=model,
        mend="give a sentence-transformers folder or hub name with safetensors weights, an .onnx "
        "file, an endpoint (http://host:port/v1#MODEL), or 'static'",
    )

"""An encoder that sentence-transformers can load: a folder, or the name of one on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from negatives.errors import DataError, ServiceError
from negatives.models.encoder import Encoded
from negatives.optional import require

BATCH = 32


class SentenceTransformersEncoder:
    """A sentence-transformers model, on the device torch prefers.

    No code from the model's folder is run, and only safetensors weights are read. `threads` is
    torch's number of threads, which is one number for the whole process. The vectors are not
    normalised to length 1 unless the model does it itself.
    """

    def __init__(self, model: str, *, threads: int = 1) -> None:
        library = require("sentence_transformers", extra="train")
        torch = require("torch", extra="train")
        torch.set_num_threads(threads)
        if Path(model).is_file():
            raise DataError(f"{model!r} is a file, not a model's folder", mend="name its folder")
        _refuse_pickles(Path(model))
        try:
            self._model = library.SentenceTransformer(
                model, trust_remote_code=False, model_kwargs={"use_safetensors": True}
            )
        except Exception as error:  # the hub, the disk and the library each have their own
            raise _explained(error, model) from None

    @cached_property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.encode(["width"]).vectors.shape[1])

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
        """A vector of each text."""
        if not texts:
            return Encoded(np.zeros((0, self.dim), np.float32), np.zeros(0, bool))
        made = self._model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
        return Encoded(np.asarray(made, np.float32), np.zeros(len(texts), bool))


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
